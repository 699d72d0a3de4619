//! The transfer machine and the risk engine have no peer to run beside: decisions a second on one thread.

use criterion::Criterion;
use spandrel_benches::compare::{print_flatness, print_rate, print_rate_ratio};
use spandrel_benches::deposits::deposit;
use spandrel_benches::transfers::{
    Life, NOW, full_risk_policy, history_deposit, long_risk_history, risk_history, risk_policy,
};
use spandrel_core::{Context, step};
use spandrel_risk::{Decision, Lane, Position, assess};

/// Deposits of the last day that the risk state remembers.
const HISTORY: u64 = 10_000;
/// How many inputs of a life come before the verdicts, whose signatures cost most of it.
const BEFORE_VERDICTS: usize = 3;

/// Transfers of history between which a decision is to cost the same.
const SHORT_HISTORY: u64 = 1_000;
const LONG_HISTORY: u64 = 1_000_000;
/// Decisions a second on one core that are aimed at.
const AIM: f64 = 1_000_000.0;
/// The least that the time after the short history may be of that after the long one.
const FLAT: f64 = 0.8;

/// Every limit there is, on the lane that asks for most of them and on the other: decisions a second against the aim,
/// flatness, and what recording a decision costs.
fn print_full_engine() {
    let policy = full_risk_policy(&deposit(0));
    let histories =
        [SHORT_HISTORY, LONG_HISTORY].map(|count| (long_risk_history(&policy, count), history_deposit(count)));
    let lanes = [(Lane::LightClient, "risk_decisions"), (Lane::Fast, "fast_risk_decisions")];
    for (lane, name) in lanes {
        let [short, long] = histories.each_ref().map(|(state, next)| {
            let (policy, id) = (&policy, next.id());
            move || Position::new(state, id, next, lane, NOW).with_confirmations(1).decide(policy, NOW)
        });
        assert_eq!((short(), long()), (Decision::Allow, Decision::Allow));
        let rates = ["1k", "1m"].map(|count| format!("{name}_of_every_limit_after_{count}"));
        let flat = format!("{name}_flat_from_1k_to_1m_transfers");
        print_flatness(rates.each_ref().map(String::as_str), &flat, FLAT, short, long);
        print_rate_ratio(&format!("{name}_against_a_million_a_second"), AIM, long);
    }
    let (state, next) = &histories[1];
    let id = next.id();
    let record = || Position::new(state, id, next, Lane::LightClient, NOW).with_confirmations(1).decided(&policy, NOW);
    print_rate("risk_decisions_recorded_with_their_inputs", 1, record);
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(40);
    let life = Life::new();
    let steps = life.inputs.len();
    let (transfer, risk) = life.live(BEFORE_VERDICTS - 1);
    let context = Context { policy: &life.policy, risk: &risk, now: NOW };
    let one_step = || step(transfer.as_ref(), &life.inputs[BEFORE_VERDICTS - 1], &context).expect("an honest input");
    assert!(!one_step().events.is_empty());
    let (state, next) = (risk_history(HISTORY), deposit(HISTORY));
    let (policy, id) = (risk_policy(&next), next.id());
    let decides = || assess(&policy, &state, &next, Lane::LightClient, NOW, NOW);
    let decides_by_id = || Position::new(&state, id, &next, Lane::LightClient, NOW).decide(&policy, NOW);
    assert_eq!((decides(), decides_by_id()), (Decision::Allow, Decision::Allow));

    let mut group = criterion.benchmark_group("transfers");
    group.bench_function("a life, stepped and folded", |bencher| bencher.iter(|| life.live(steps)));
    group.bench_function("one step without signatures", |bencher| bencher.iter(one_step));
    group.bench_function("risk assess", |bencher| bencher.iter(decides));
    group.bench_function("risk assess, id known", |bencher| bencher.iter(decides_by_id));
    group.finish();
    criterion.final_summary();
    print_rate("transfer_steps_of_whole_lives", steps, || life.live(steps));
    print_rate("transfer_step_without_signatures", 1, one_step);
    print_rate("risk_assess", 1, decides);
    print_rate("risk_assess_with_known_id", 1, decides_by_id);
    print_full_engine();
}
