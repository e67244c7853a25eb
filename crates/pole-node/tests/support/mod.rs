//! What the tests share: a simulated board, and a world in which it is connected to an edge.
#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]

pub mod board;
pub mod flash;
pub mod world;
