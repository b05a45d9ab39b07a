//! Exceptions to the lints are made in the open, one by one, with a reason.

use super::{Breach, Broken, Rule, at, breach};
use crate::house::House;
use crate::source::lines_with;

/// How far above a call its attribute may stand: it may take several lines.
const LINES_ABOVE: usize = 8;

const CALLS: [(&str, &str); 4] = [
    (".unwrap()", "unwrap_used"),
    (".expect(", "expect_used"),
    (".unwrap_err()", "unwrap_used"),
    (".expect_err(", "expect_used"),
];

/// Clippy finds the calls; this finds the blanket exceptions.
pub(super) const NO_UNPROVED_UNWRAP: Rule = Rule {
    says: "outside tests an unwrap or expect stands right under an #[expect] that says why it cannot fail",
    check: unproved,
    broken: || {
        let bare = "//! x\nfn a() { b().unwrap(); }";
        let blanket = format!(
            "//! x\n#![expect(clippy::expect_used, reason = \"y\")]\n{}fn a() {{ b().expect(\"c\"); }}",
            "\n".repeat(9)
        );
        vec![
            Broken {
                house: House::default().with_file("apps/x/src/a.rs", bare),
                place: "apps/x/src/a.rs:2",
            },
            Broken {
                house: House::default().with_file("apps/x/src/b.rs", &blanket),
                place: "apps/x/src/b.rs:12",
            },
        ]
    },
};

fn unproved(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in &house.files {
        let code = file.product_code();
        let lines: Vec<_> = file.text.lines().collect();
        for (call, lint) in CALLS {
            for line in lines_with(&code, call) {
                let above = lines.iter().take(line).skip(line.saturating_sub(LINES_ABOVE + 1));
                let near: String = above.copied().collect();
                let proved =
                    near.contains("[expect(") && near.contains(lint) && near.contains("reason");
                if !proved {
                    breaches.push(breach(
                        at(&file.path, line),
                        format!("{call} without a stated proof"),
                    ));
                }
            }
        }
    }
    breaches
}

/// `#[expect]` fails once it is not needed any more; `#[allow]` stays for ever.
pub(super) const NO_SILENT_ALLOW: Rule = Rule {
    says: "exceptions are made by #[expect(…, reason)], never by #[allow]",
    check: |house| {
        // Generated code stands in the contract's crate only.
        let written = house.files.iter().filter(|file| file.path != "proto/src/lib.rs");
        written
            .flat_map(|file| {
                let code = file.product_code();
                let lines =
                    [lines_with(&code, "[allow("), lines_with(&code, "cfg_attr(not(test), allow(")]
                        .concat();
                lines
                    .into_iter()
                    .map(|line| breach(at(&file.path, line), "#[allow] instead of #[expect]"))
            })
            .collect()
    },
    broken: || {
        let text = "//! x\n#[allow(clippy::all)]\nfn a() {}";
        vec![Broken {
            house: House::default().with_file("domain/ticket/src/a.rs", text),
            place: "domain/ticket/src/a.rs:2",
        }]
    },
};
