//! How files look and are named.

use super::{Breach, Broken, Rule, at, breach};
use crate::house::House;
use crate::source::lines_with;

/// A reader knows from the first line whether to read on.
pub(super) const EVERY_FILE_SAYS_WHAT_IT_IS: Rule = Rule {
    says: "every file begins with `//!` and what it is",
    check: |house| {
        let silent = house.files.iter().filter(|file| !file.text.starts_with("//! "));
        silent
            .map(|file| breach(at(&file.path, 1), "does not begin with `//! ` and what it is"))
            .collect()
    },
    broken: || {
        let path = "apps/ticket/src/lib.rs";
        vec![
            Broken {
                house: House::default().with_file(path, "use a::b;\n"),
                place: "apps/ticket/src/lib.rs:1",
            },
            Broken {
                house: House::default().with_file(path, "//!\n"),
                place: "apps/ticket/src/lib.rs:1",
            },
        ]
    },
};

const LINES_MAX: usize = 500;

/// A file is read in one sitting.
pub(super) const FILES_ARE_SMALL: Rule = Rule {
    says: "no file is longer than 500 lines",
    check: |house| {
        let lines = house.files.iter().map(|file| (file, file.text.lines().count()));
        let long = lines.filter(|(_, lines)| *lines > LINES_MAX);
        long.map(|(file, lines)| breach(&file.path, format!("{lines} lines"))).collect()
    },
    broken: || {
        let text = "//! x\n".repeat(LINES_MAX + 1);
        vec![Broken {
            house: House::default().with_file("proto/src/lib.rs", &text),
            place: "proto/src/lib.rs",
        }]
    },
};

const DRAWERS: [&str; 8] =
    ["common", "util", "utils", "helper", "helpers", "models", "services", "misc"];

/// A thing stands where it is used or under the name of what it is.
pub(super) const NO_DRAWERS: Rule = Rule {
    says: "no crate, folder, file or module is named common, utils, helpers, models or services",
    check: drawers,
    broken: || {
        let house = House::default;
        vec![
            Broken {
                house: house().with_crate("adapters/grpc/common", &[]),
                place: "adapters/grpc/common",
            },
            Broken {
                house: house().with_file("apps/x/src/utils.rs", "//! x\n"),
                place: "apps/x/src/utils.rs",
            },
            Broken {
                house: house().with_file("apps/x/src/models/a.rs", "//! x\n"),
                place: "apps/x/src/models/a.rs",
            },
            Broken {
                house: house().with_file("apps/x/src/a.rs", "//! x\nmod helpers { }\n"),
                place: "apps/x/src/a.rs:2",
            },
        ]
    },
};

fn drawers(house: &House) -> Vec<Breach> {
    let folders = house.crates.iter().map(|member| member.folder.as_str());
    let paths = house.files.iter().map(|file| file.path.as_str());
    let named =
        folders.chain(paths).filter(|path| path.trim_end_matches(".rs").split('/').any(is_drawer));
    let mut breaches: Vec<_> = named.map(|path| breach(path, "is named for no thing")).collect();
    for file in &house.files {
        for drawer in DRAWERS {
            let lines = lines_with(&file.product_code(), &format!("mod {drawer}")).into_iter();
            breaches
                .extend(lines.map(|line| breach(at(&file.path, line), "is named for no thing")));
        }
    }
    breaches
}

fn is_drawer(name: &str) -> bool {
    DRAWERS.contains(&name)
}
