//! What is sent: fields as a web form has them.

use form_urlencoded::Serializer;

/// Fields in the order in which they were added: the same request is the same text, as its key demands.
pub(crate) struct Form(String);

impl Form {
    pub(crate) const fn new() -> Self {
        Self(String::new())
    }

    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        Self(Serializer::for_suffix(self.0, 0).append_pair(name, value).finish())
    }

    pub(crate) fn encoded(self) -> String {
        self.0
    }
}
