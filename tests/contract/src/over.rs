//! Runs every rule of a suite over every engine.

/// Runs rules over `memory()` and over each database: `over(Engine)`. Both give the scene that a rule
/// borrows, and stand where the macro does. Rules about tables stand after a semicolon: memory has none.
#[macro_export]
macro_rules! over_every_store {
    ($($rule:ident),+ $(,)? $(; $($of_tables:ident),+ $(,)?)?) => {
        mod memory_store {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(&super::memory().await).await;
            })+
        }
        $crate::over_every_database!($($rule,)+ $($($of_tables,)+)?);
    };
}

/// As [`over_every_store`], without the store in memory.
#[macro_export]
macro_rules! over_every_database {
    ($($rule:ident),+ $(,)?) => {
        $crate::over_every_database!(@ sqlite Sqlite $($rule)+);
        $crate::over_every_database!(@ postgres Postgres $($rule)+);
        $crate::over_every_database!(@ mariadb MariaDb $($rule)+);
    };
    (@ $name:ident $engine:ident $($rule:ident)+) => {
        mod $name {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(&super::over($crate::Engine::$engine).await).await;
            })+
        }
    };
}
