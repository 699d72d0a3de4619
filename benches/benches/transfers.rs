//! The transfer machine and the risk engine have no peer to run beside: decisions a second on one thread.

use criterion::Criterion;
use spandrel_benches::compare::print_rate;
use spandrel_benches::deposits::deposit;
use spandrel_benches::transfers::{Life, NOW, risk_history, risk_policy};
use spandrel_core::{Context, step};
use spandrel_risk::{Decision, Lane, Position, assess};

/// Deposits of the last day that the risk state remembers.
const HISTORY: u64 = 10_000;
/// How many inputs of a life come before the verdicts, whose signatures cost most of it.
const BEFORE_VERDICTS: usize = 3;

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
}
