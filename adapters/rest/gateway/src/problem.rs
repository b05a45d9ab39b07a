//! The same errors as problems (RFC 9457), for clients that ask for them.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};
use tonic::Status;
use tonic_types::StatusExt;

use crate::error::{DOMAIN, to_json};

/// The status as a problem. Its members beyond the standard's are those of `google.rpc.Status`: `code`
/// and `details`.
pub(crate) fn to_problem(status: &Status, http: StatusCode) -> Json {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    let (kind, title) = match &info {
        Some(info) => (format!("urn:{DOMAIN}:{}", info.reason), sentence(&info.reason)),
        None => {
            let title = http.canonical_reason().unwrap_or("Error").to_owned();
            ("about:blank".to_owned(), title)
        }
    };
    let mut said = to_json(status);
    let details = said.get_mut("details").map(Json::take).unwrap_or_default();
    json!({
        "type": kind,
        "title": title,
        "status": http.as_u16(),
        "detail": status.message(),
        "code": i32::from(status.code()),
        "details": details,
    })
}

/// `SOLD_OUT` as `Sold out`.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first: String = letters.next().into_iter().collect();
    first + &letters.as_str().to_ascii_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;
    use tonic::{Code, Status};

    use super::to_problem;
    use crate::error::refusal;

    #[test]
    fn a_reason_is_the_type_and_what_has_none_is_its_status() {
        let sold_out = refusal(Code::FailedPrecondition, "SOLD_OUT", "2 are left");
        let mut problem = to_problem(&sold_out, StatusCode::CONFLICT);
        let details = problem["details"].take();
        assert_eq!(details[0]["reason"], "SOLD_OUT");
        let expected = json!({
            "type": "urn:boxoffice:SOLD_OUT", "title": "Sold out", "status": 409,
            "detail": "2 are left", "code": 9, "details": null,
        });
        assert_eq!(problem, expected);
        let plain = to_problem(&Status::not_found("no"), StatusCode::NOT_FOUND);
        assert_eq!((&plain["type"], &plain["title"]), (&json!("about:blank"), &json!("Not Found")));
    }
}
