//! Why an item was not put or got.

use std::error::Error;
use std::fmt;

use crate::Unwinding;

/// Why there is no item.
///
/// See the example of [`Queue`](super::Queue).
#[doc(alias = "Empty")]
#[doc(alias = "ShutDown")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GetError {
    /// None was there, or none came in time.
    Empty,
    /// None is there and the queue is closed: none will come.
    Closed,
    /// The greenlet unwinds and cannot wait for one.
    Unwinding,
}

/// Why an item was not put. It holds the item.
///
/// See the example of [`PutError::into_item`].
#[doc(alias = "Full")]
#[doc(alias = "ShutDown")]
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum PutError<T> {
    /// There was no room, or none in time.
    Full(T),
    /// The queue is closed.
    Closed(T),
    /// The greenlet unwinds and cannot wait for room.
    Unwinding(T),
}

impl<T> PutError<T> {
    /// The item that was not put.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = maypole_runtime::queue::Queue::new(1);
    /// queue.put("a").unwrap();
    /// assert_eq!(queue.try_put("b").unwrap_err().into_item(), "b");
    /// ```
    pub fn into_item(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) | Self::Unwinding(item) => item,
        }
    }

    /// Whether there was no room.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = maypole_runtime::queue::Queue::new(1);
    /// queue.put("a").unwrap();
    /// assert!(queue.try_put("b").unwrap_err().is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the queue is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = maypole_runtime::queue::Queue::new(1);
    /// queue.close();
    /// assert!(queue.put("a").unwrap_err().is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl From<Unwinding> for GetError {
    fn from(_: Unwinding) -> Self {
        Self::Unwinding
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => "the queue is closed and empty",
            Self::Unwinding => "a greenlet cannot wait for an item while it unwinds",
        })
    }
}

impl Error for GetError {}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
            Self::Unwinding(_) => "a greenlet cannot wait for room while it unwinds",
        })
    }
}

// Items need not be `Debug`.
impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
            Self::Unwinding(_) => "Unwinding(..)",
        })
    }
}

impl<T> Error for PutError<T> {}
