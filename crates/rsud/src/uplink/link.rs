//! What is published next, and what becomes of it: the uplink without sockets, files and clocks.
//!
//! Items wait in a [`Store`], a queue for each class. The link takes them out in their order, keeps a bounded number under
//! way, and tells the store which have been acknowledged. When a session is lost, the store is asked for everything again
//! that was not: so nothing is lost, the order within a class is kept, and the cloud may see an item twice, with the same
//! identity. Emergencies go first; the other classes share the link by weight, so a backlog of one holds up no other.

/// Number of classes.
pub const CLASSES: usize = 5;
/// The class that goes before all others.
const EMERGENCY: usize = 0;
/// Octets that a class may send for each unit of its share when its turn comes.
const QUANTUM: i64 = 1024;

/// What the link needs of the queue on disk.
pub trait Store: Sized {
    /// What is published.
    type Item;
    /// A notice that items were dropped.
    type Gap;

    /// The next item of a class and its size in octets; the reading position moves on.
    fn next(&mut self, class: usize) -> Option<Read<Self>>;
    /// The item at a position has arrived and is no longer needed.
    fn delivered(&mut self, class: usize, position: u64);
    /// The item at a position will never be taken; a gap must tell so.
    fn refused(&mut self, class: usize, position: u64, why: Refusal);
    /// Reads again from the first item that is still needed.
    fn rewind(&mut self, class: usize);
    /// A notice that has not been told since the last [`rewind_gaps`](Self::rewind_gaps).
    fn next_gap(&mut self) -> Option<(u64, Self::Gap)>;
    /// The notice has arrived.
    fn gap_told(&mut self, id: u64);
    /// Reads all notices again that have not arrived.
    fn rewind_gaps(&mut self);
}

/// An item of a store: its position, its size in octets, itself.
pub type Read<S> = (u64, usize, <S as Store>::Item);

/// What a link publishes next.
pub type Next<S> = Option<(Token, Publish<<S as Store>::Item, <S as Store>::Gap>)>;

/// Why an item will never be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is larger than the broker takes.
    TooLarge,
    /// The broker refuses it for good.
    ByBroker,
}

/// Settings of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkConfig {
    /// At most so many publications are under way.
    pub window: usize,
    /// The weights by which the classes but the first share the link.
    pub shares: [u32; CLASSES],
}

/// Names a publication that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What happened to the connection or to a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    /// The broker took the connection.
    Up {
        /// It takes so many publications at once.
        receive_maximum: usize,
        /// It takes packets of so many octets.
        max_packet: usize,
    },
    /// The connection is gone, and with it its session: nobody knows what of that under way arrived.
    Down,
    /// A publication arrived.
    Acknowledged(Token),
    /// The client gave a publication up; it is not known whether it arrived.
    Lost(Token),
    /// The broker will never take it.
    Refused(Token),
    /// The broker does not take it now.
    Postponed(Token),
}

/// What to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publish<I, G> {
    /// An item.
    Item(I),
    /// A notice.
    Gap(G),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Item { class: usize, position: u64 },
    Gap { id: u64 },
}

/// The state machine. See the module.
#[derive(Debug, Clone)]
pub struct Link {
    config: LinkConfig,
    /// Limits of the broker, while there is a connection: publications at once, octets of one.
    limits: Option<(usize, usize)>,
    under_way: Vec<(Token, What)>,
    last_token: u64,
    /// Something was lost or postponed: what is under way must come to its end before it is sent again, or the order
    /// would suffer.
    settling: bool,
    /// The class whose turn it is, and what each may still send in its turn, octets.
    turn: usize,
    credit: [i64; CLASSES],
}

impl Link {
    /// A link without a connection.
    #[must_use]
    pub fn new(config: LinkConfig) -> Self {
        let under_way = Vec::with_capacity(config.window);
        Self { config, limits: None, under_way, last_token: 0, settling: false, turn: 1, credit: [0; CLASSES] }
    }

    /// Takes note of what happened.
    pub fn handle<S: Store>(&mut self, event: LinkEvent, store: &mut S) {
        match event {
            LinkEvent::Up { receive_maximum, max_packet } => self.limits = Some((receive_maximum.max(1), max_packet)),
            LinkEvent::Down => {
                self.limits = None;
                self.settling |= !self.under_way.is_empty();
                self.under_way.clear();
            }
            LinkEvent::Acknowledged(token) => match self.take(token) {
                Some(What::Item { class, position }) => store.delivered(class, position),
                Some(What::Gap { id }) => store.gap_told(id),
                None => {}
            },
            LinkEvent::Refused(token) => match self.take(token) {
                Some(What::Item { class, position }) => store.refused(class, position, Refusal::ByBroker),
                // What is missing must be told, sooner or later.
                Some(What::Gap { .. }) => self.settling = true,
                None => {}
            },
            LinkEvent::Lost(token) | LinkEvent::Postponed(token) => {
                if self.take(token).is_some() {
                    self.settling = true;
                }
            }
        }
        if self.settling && self.under_way.is_empty() {
            self.settling = false;
            (0..CLASSES).for_each(|class| store.rewind(class));
            store.rewind_gaps();
        }
    }

    /// The next publication; `None` when there is nothing, or it may not go now.
    pub fn next<S: Store>(&mut self, store: &mut S) -> Next<S> {
        let (receive_maximum, max_packet) = self.limits?;
        if self.settling || self.under_way.len() >= receive_maximum.min(self.config.window) {
            return None;
        }
        loop {
            // What is missing is told before what follows it.
            if let Some((id, gap)) = store.next_gap() {
                return Some((self.note(What::Gap { id }), Publish::Gap(gap)));
            }
            let (class, (position, octets, item)) = self.choose(store)?;
            if octets <= max_packet {
                return Some((self.note(What::Item { class, position }), Publish::Item(item)));
            }
            store.refused(class, position, Refusal::TooLarge);
        }
    }

    /// Number of publications under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.limits.is_some()
    }

    /// The next item by priority and shares: each class in its turn sends what its credit allows, the last item of a turn
    /// on account of the next one.
    fn choose<S: Store>(&mut self, store: &mut S) -> Option<(usize, Read<S>)> {
        if let Some(item) = store.next(EMERGENCY) {
            return Some((EMERGENCY, item));
        }
        let mut empty = [false; CLASSES];
        if let Some(first) = empty.first_mut() {
            *first = true;
        }
        while empty.contains(&false) {
            let class = self.turn;
            let (credit, is_empty) = (self.credit.get_mut(class)?, empty.get_mut(class)?);
            if *credit > 0 && !*is_empty {
                if let Some(item) = store.next(class) {
                    *credit -= i64::try_from(item.1).unwrap_or(i64::MAX);
                    return Some((class, item));
                }
                // Who has nothing to send saves nothing up.
                *credit = 0;
                *is_empty = true;
            }
            self.turn = if class + 1 == CLASSES { 1 } else { class + 1 };
            if empty.get(self.turn) == Some(&false) {
                let share = self.config.shares.get(self.turn).copied().unwrap_or(1).max(1);
                if let Some(credit) = self.credit.get_mut(self.turn) {
                    *credit = credit.saturating_add(i64::from(share) * QUANTUM);
                }
            }
        }
        None
    }

    fn note(&mut self, what: What) -> Token {
        self.last_token += 1;
        let token = Token(self.last_token);
        self.under_way.push((token, what));
        token
    }

    fn take(&mut self, token: Token) -> Option<What> {
        let place = self.under_way.iter().position(|(known, _)| *known == token)?;
        Some(self.under_way.remove(place).1)
    }
}
