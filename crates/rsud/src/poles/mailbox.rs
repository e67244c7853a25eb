//! Orders on their way to the poles of a line: given by anybody, taken by the line's task.

use std::sync::{Mutex, PoisonError};

use pole_link::Millis;
use tokio::sync::Notify;

use super::orders::{Order, Orders, Outcome};

/// See the module.
#[derive(Debug)]
pub struct Mailbox {
    /// Of each pole of the line.
    orders: Mutex<Vec<Orders>>,
    /// Something was put in.
    pub filled: Notify,
}

impl Mailbox {
    /// An empty one for so many poles.
    #[must_use]
    pub fn new(poles: usize) -> Self {
        let orders = std::iter::repeat_with(Orders::default).take(poles).collect();
        Self { orders: Mutex::new(orders), filled: Notify::new() }
    }

    /// Puts an order in; see [`Orders::put`]. Without such a pole the order is told so.
    pub fn put(&self, pole: usize, order: Order) -> Option<Outcome> {
        let gone = self.with(pole, |orders| {
            if let Some(orders) = orders {
                return orders.put(order);
            }
            order.conclude(Outcome::NoSuchPole);
            Some(Outcome::NoSuchPole)
        });
        self.filled.notify_one();
        gone
    }

    /// Looks at a pole's orders, or changes them.
    pub(super) fn with<T>(&self, pole: usize, look: impl FnOnce(Option<&mut Orders>) -> T) -> T {
        look(self.orders.lock().unwrap_or_else(PoisonError::into_inner).get_mut(pole))
    }

    /// When the next order's time is over.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.iter().filter_map(Orders::deadline).min()
    }
}
