//! Page sizes of lists (api.md: default 20, most 100).

/// The size of a page when the caller names none.
pub const PAGE_SIZE_DEFAULT: u32 = 20;
/// The largest page; a larger wish is cut to it (AIP-158).
pub const PAGE_SIZE_MAX: u32 = 100;

/// How many rows a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

/// Where a page ended: the last row's sort value and its id. The next page begins after it, so pages
/// have no gap and no double while others write. A list without a sort value of its own uses zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The value the list is sorted by: microseconds, minor units.
    pub sort: i64,
    /// Breaks ties.
    pub id: crate::Uuid,
}

/// A negative page size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not be negative")]
pub struct InvalidPageSize;

impl PageSize {
    /// Reads the request's `page_size`: zero means the default, more than the most means the most.
    ///
    /// # Errors
    /// [`InvalidPageSize`] below zero.
    pub fn new(wish: i32) -> Result<Self, InvalidPageSize> {
        match u32::try_from(wish).map_err(|_| InvalidPageSize)? {
            0 => Ok(Self(PAGE_SIZE_DEFAULT)),
            wish => Ok(Self(wish.min(PAGE_SIZE_MAX))),
        }
    }

    /// The number of rows.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}
