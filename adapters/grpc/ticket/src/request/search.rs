//! The conditions of a search.

use grpc_server::wire::Check;
use kernel::{Invalid, OrganizerId};
use prost::Message;
use proto::boxoffice::ticket::v1 as pb;
use ticket::{CATEGORY_CHARS_MAX, SEARCH_WORDS_CHARS_MAX, SearchWord, TicketOrder, TicketSearch};

use super::kind;

/// The search, and the conditions that its pages' tokens are bound to.
pub(crate) fn search(
    request: pb::SearchTicketsRequest,
) -> Result<(TicketSearch, Vec<u8>), Invalid> {
    let (page_size, page_token) = (request.page_size, request.page_token.clone());
    let request = pb::SearchTicketsRequest { page_size: 0, page_token: String::new(), ..request };
    let conditions = request.encode_to_vec();
    let mut check = Check::new();
    let page = check.page(page_size, &page_token, &conditions);
    let search = read(&mut check, request, page);
    Ok((check.read(search)?, conditions))
}

fn read(
    check: &mut Check,
    request: pb::SearchTicketsRequest,
    page: Option<(kernel::PageSize, Option<kernel::Cursor>)>,
) -> Option<TicketSearch> {
    let query = check.text("query", &request.query, 0..=SEARCH_WORDS_CHARS_MAX);
    let words = query.as_deref().map(SearchWord::asked);
    if words.as_ref().is_some_and(Vec::is_empty) && !request.query.trim().is_empty() {
        check.violate("query", "must have a letter or a digit");
    }
    let category = check.text("category", &request.category, 0..=CATEGORY_CHARS_MAX);
    let order = TicketOrder::parse(&request.order_by);
    if order.is_none() {
        let allowed =
            "must be create_time, start_time or unit_price, each with or without \" desc\"";
        check.violate("order_by", allowed);
    }
    let organizer_id = Some(request.organizer_id).filter(|id| !id.is_empty());
    let organizer_id = organizer_id.map(|id| check.take("organizer_id", OrganizerId::new(id)));
    let starts_from = check.optional_timestamp("start_time_from", request.start_time_from.as_ref());
    let starts_before = check.optional_timestamp("start_time_to", request.start_time_to.as_ref());
    let max_unit_price = check.optional_money("max_unit_price", request.max_unit_price.as_ref());
    let kind = if request.kind == 0 { None } else { kind(check, request.kind) };
    let (page_size, after) = page?;
    Some(TicketSearch {
        words: words?,
        category: Some(category?).filter(|category| !category.is_empty()),
        organizer_id: organizer_id.flatten(),
        kind,
        starts_from,
        starts_before,
        max_unit_price,
        available_only: request.available_only,
        order: order?,
        page_size,
        after,
    })
}
