//! The my page context: what buyers and organizers see of bookings, folded from events alone.

mod booking_view;
mod fact;
mod limits;
mod mending;
mod ports;
mod sales_view;
mod use_cases;

pub use booking_view::{BookingSeen, BookingView, MyBooking, PaymentSeen};
pub use fact::{BookingSnapshot, BookingStatus, Fact, PaymentSnapshot, PaymentStatus};
pub use limits::{REBUILD_ROWS_MAX, REBUILD_TRIES_MAX, WATCH_ROWS_MAX};
pub use mending::mend;
pub use ports::{
    Changed, Filter, FoundRow, KnownBooking, Repair, ViewRepair, ViewSource, ViewStore, Viewer,
};
pub use sales_view::{CurrencyTotal, SalesSummary, Tally, TotalsOverflow};
pub use use_cases::{
    FoldFactError, GetMyBookingError, GetSalesSummaryError, ListMyBookings, ListMySales, MyPage,
    Page, ReadError, Rebuild, RebuildViewError, Rebuilt,
};
