//! Proof that the proofs work: each way in which the views and merges could plausibly be wrong is caught by a golden case,
//! named here.

use crate::tables::{
    golden,
    lab::{Lab, MERGED_ONCE, Scope},
    server::Server,
};

struct Mutation {
    what: &'static str,
    /// Template, the text in it, and what stands there instead; every place changes.
    edits: &'static [(&'static str, &'static str, &'static str)],
    /// The table that it spoils.
    scope: Scope,
    /// The case that must fail; unmutated, all of them pass (module `tables`).
    caught_by: &'static str,
}

const LATEST: &str = "400.staging.customer_latest.view.sql";
const CHANGES: &str = "410.staging.customer_changes.view.sql";
const SCD1: &str = "600.staging.merge_customers.task.sql";
const SCD2: &str = "610.staging.merge_customers_history.task.sql";
const JUDGED: &str = "parts/judged_events.sql";

const MUTATIONS: &[Mutation] = &[
    Mutation {
        what: "IGNORE NULLS dropped",
        edits: &[(SCD2, " IGNORE NULLS", "")],
        scope: Scope::History,
        caught_by: "version-ends-behind-the-unchanged",
    },
    Mutation {
        what: "position dropped from the choice of SCD1's payload",
        edits: &[(LATEST, "ORDER BY SEQUENCE DESC, PARTITION_ID, RECORD_OFFSET", "ORDER BY SEQUENCE DESC")],
        scope: Scope::Customers,
        caught_by: "rivals-for-the-last-word",
    },
    Mutation {
        what: "position dropped from the choice of a load's payload",
        edits: &[(CHANGES, "SEQUENCE ORDER BY PARTITION_ID, RECORD_OFFSET", "SEQUENCE ORDER BY CUSTOMER_ID")],
        scope: Scope::History,
        caught_by: "rivals-in-one-load",
    },
    Mutation {
        what: "position dropped from the choice between old and new payload",
        edits: &[(SCD2, "SEQUENCE ORDER BY PARTITION_ID, RECORD_OFFSET", "SEQUENCE ORDER BY CUSTOMER_ID")],
        scope: Scope::History,
        caught_by: "rival-loads-last",
    },
    Mutation {
        what: "position dropped from SCD1's guard",
        edits: &[(SCD1, "INCOMING.SEQUENCE = KEPT.SEQUENCE", "FALSE")],
        scope: Scope::Customers,
        caught_by: "rival-loads-first",
    },
    Mutation {
        what: "partition left out of SCD1's guard",
        edits: &[(SCD1, "INCOMING.PARTITION_ID < KEPT.PARTITION_ID", "FALSE")],
        scope: Scope::Customers,
        caught_by: "rivals-across-partitions",
    },
    Mutation {
        what: "history left out of the union",
        edits: &[(SCD2, "WHERE CUSTOMER_ID IN (SELECT", "WHERE FALSE AND CUSTOMER_ID IN (SELECT")],
        scope: Scope::History,
        caught_by: "gaps-in-the-sequence",
    },
    Mutation {
        what: ">= for > in SCD1's guard",
        edits: &[(SCD1, "INCOMING.SEQUENCE > KEPT.SEQUENCE", "INCOMING.SEQUENCE >= KEPT.SEQUENCE")],
        scope: Scope::Customers,
        caught_by: "rival-loads-last",
    },
    Mutation {
        what: "< for > in SCD1's guard",
        edits: &[(SCD1, "INCOMING.SEQUENCE > KEPT.SEQUENCE", "INCOMING.SEQUENCE < KEPT.SEQUENCE")],
        scope: Scope::Customers,
        caught_by: "gaps-in-the-sequence",
    },
    Mutation {
        what: "> for < in SCD1's tie-break",
        edits: &[(SCD1, "INCOMING.RECORD_OFFSET < KEPT.RECORD_OFFSET", "INCOMING.RECORD_OFFSET > KEPT.RECORD_OFFSET")],
        scope: Scope::Customers,
        caught_by: "rival-loads-last",
    },
    Mutation {
        what: "null-safe comparison of attributes made plain",
        edits: &[(SCD2, "{{ attribute.column }} IS DISTINCT FROM {{", "{{ attribute.column }} <> {{")],
        scope: Scope::History,
        caught_by: "null-equals-null",
    },
    Mutation {
        what: "null-safe comparison of VALID_TO made plain",
        edits: &[(SCD2, "KEPT.VALID_TO IS DISTINCT FROM", "KEPT.VALID_TO <>")],
        scope: Scope::History,
        caught_by: "nothing-changed",
    },
    Mutation {
        what: "running maximum replaced by the event's time",
        edits: &[
            (
                SCD2,
                "MAX(EVENT_TIME) OVER",
                "MAX(EVENT_TIME) OVER (PARTITION BY CUSTOMER_ID, SEQUENCE) AS VALID_FROM, MAX(SEQUENCE) OVER",
            ),
            (SCD2, "            ) AS VALID_FROM", "            ) AS UNUSED"),
        ],
        scope: Scope::History,
        caught_by: "clock-runs-backwards",
    },
    Mutation {
        what: "DELETE rows left current",
        edits: &[(
            SCD2,
            "CHANGE IN ('CREATE', 'UPDATE') AND NEXT_FROM IS NULL",
            "CHANGE <> 'UNCHANGED' AND NEXT_FROM IS NULL",
        )],
        scope: Scope::History,
        caught_by: "current-row-is-never-a-deletion",
    },
    Mutation {
        what: "rejected events let through to SCD1",
        edits: &[(
            LATEST,
            "WHERE REASON IS NULL",
            "WHERE CUSTOMER_ID <> '' AND SEQUENCE IS NOT NULL AND EVENT_TIME IS NOT NULL",
        )],
        scope: Scope::Customers,
        caught_by: "rejected-has-no-last-word",
    },
    Mutation {
        what: "rejected events let through to SCD2",
        edits: &[(
            CHANGES,
            "WHERE REASON IS NULL",
            "WHERE CUSTOMER_ID <> '' AND SEQUENCE IS NOT NULL AND EVENT_TIME IS NOT NULL AND OPERATION IS NOT NULL",
        )],
        scope: Scope::History,
        caught_by: "edges-of-time",
    },
    Mutation {
        what: "a union's tag taken for the event's field",
        edits: &[(JUDGED, "IFF(TYPEOF(ONLY_MEMBER) = 'OBJECT', ONLY_MEMBER, EVENT)", "EVENT")],
        scope: Scope::Both,
        caught_by: "several-record-types-tagged",
    },
    Mutation {
        what: "an empty name taken for a union's tag",
        edits: &[(JUDGED, "NULLIF(GET(MEMBERS, 0)::VARCHAR, '')", "GET(MEMBERS, 0)::VARCHAR")],
        scope: Scope::Customers,
        caught_by: "several-record-types-tagged",
    },
    Mutation {
        what: "SCD1's stream replaced by its table",
        edits: &[(LATEST, "\".CUSTOMERS_STREAM\"", "\".CUSTOMER_EVENTS\"")],
        scope: Scope::Customers,
        caught_by: MERGED_ONCE,
    },
    Mutation {
        what: "SCD2's stream replaced by its table",
        edits: &[(CHANGES, "\".CUSTOMERS_HISTORY_STREAM\"", "\".CUSTOMER_EVENTS\"")],
        scope: Scope::History,
        caught_by: MERGED_ONCE,
    },
    Mutation {
        what: "both tables on one stream",
        edits: &[(CHANGES, "\".CUSTOMERS_HISTORY_STREAM\"", "\".CUSTOMERS_STREAM\"")],
        scope: Scope::Both,
        caught_by: "nothing-changed",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_is_caught_by_the_case_named_for_it() {
    let server = Server::start().await;
    let original = deployer::templates(None).expect("templates");
    let cases = golden();
    let mut missed = Vec::new();
    for (number, mutation) in MUTATIONS.iter().enumerate() {
        let mut templates = original.clone();
        for (file, from, to) in mutation.edits {
            let text = templates.get_mut(*file).unwrap_or_else(|| panic!("no template {file}"));
            assert!(text.contains(from), "{}: {file} has no `{from}`", mutation.what);
            *text = text.replace(from, to);
        }
        let mut lab = Lab::deploy(&server, &format!("MUTANT_{number}"), &templates).await.expect("deployment");
        let name = if mutation.caught_by == MERGED_ONCE { "nothing-changed" } else { mutation.caught_by };
        let named: Vec<_> = cases.iter().filter(|case| case.name == name).cloned().collect();
        let failures = lab.run(&named, mutation.scope).await;
        let failures = failures.unwrap_or_else(|error| panic!("{}: {error}", mutation.what));
        if failures.iter().any(|failure| failure.starts_with(&format!("{}:", mutation.caught_by))) {
            println!("{}: caught by {}", mutation.what, mutation.caught_by);
        } else {
            missed.push(format!("{}: not caught by {}", mutation.what, mutation.caught_by));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
