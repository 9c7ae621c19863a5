//! Tests of the settings about what is kept.

use super::{Place, assert_says};
use crate::settings::Budget;

#[test]
fn budgets_and_days_come_from_every_layer() {
    let mut place = Place::new();
    let settings = place.load().unwrap();
    assert_eq!(
        (settings.snapshots_budget, settings.keep_days),
        (None, None)
    );
    place.write(
        "studio/pentimento.toml",
        "snapshots_budget = \"20 GiB\"\nkeep_days = 90\n",
    );
    let settings = place.load().unwrap();
    assert_eq!(settings.snapshots_budget, Some(Budget::Bytes(20 << 30)));
    assert_eq!(settings.keep_days, Some(90));
    place.var("PENTIMENTO_SNAPSHOTS_BUDGET", "1000000");
    assert_eq!(
        place.load().unwrap().snapshots_budget,
        Some(Budget::Bytes(1_000_000))
    );
    place.flag("snapshots_budget", "10 %");
    place.flag("keep_days", "7");
    let settings = place.load().unwrap();
    assert_eq!(settings.snapshots_budget, Some(Budget::Percent(10)));
    assert_eq!(settings.keep_days, Some(7));
}

#[test]
fn what_is_no_budget_is_refused_where_it_stands() {
    let place = Place::new();
    for wrong in ["\"much\"", "0", "-1", "\"0 %\"", "\"200 %\""] {
        let text = place.refusal(&format!("snapshots_budget = {wrong}\n"));
        assert_says(&text, &["pentimento.toml", "snapshots_budget", "10 %"]);
    }
    for wrong in ["0", "-3", "36501", "\"long\""] {
        let text = place.refusal(&format!("keep_days = {wrong}\n"));
        assert_says(&text, &["pentimento.toml", "keep_days"]);
    }
}
