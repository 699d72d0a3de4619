//! Verifiers and signers: real keys and real digests over the truth as each one's own node shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use futures::FutureExt;
use futures::future::BoxFuture;
use spandrel_engine::{EvidenceRequest, Message, Sighting, SignDigest, SignedRequest, SignerRole, Unseen};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{ChainId, Checkpoint, SignedVerdict, UnixSeconds, Verdict};

use super::keys::{self, Set};
use super::relayer;
use super::source::SourceChain;
use super::universe::{Shared, Universe};

/// How a member behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Says what is so.
    Honest,
    /// Says nothing.
    Offline,
    /// Signs anything.
    Byzantine,
}

/// One verifier.
#[derive(Clone, Debug)]
pub struct SimVerifier {
    /// Place in the set.
    pub member: usize,
    /// How it behaves.
    pub conduct: Conduct,
}

impl SimVerifier {
    /// What it answers to evidence.
    pub fn answer(&self, universe: &Shared, request: &EvidenceRequest) -> Vec<Message> {
        let mut universe = universe.lock();
        match self.conduct {
            Conduct::Offline => Vec::new(),
            Conduct::Honest => match honest_checkpoint(&mut universe, request) {
                Ok(checkpoint) => vec![self.verdict(&mut universe, request, checkpoint)],
                Err(reason) => vec![Message::Doubt { deposit: request.deposit, reason }],
            },
            Conduct::Byzantine => {
                let checkpoint = self.made_up(&mut universe, request);
                vec![self.verdict(&mut universe, request, checkpoint)]
            }
        }
    }

    fn verdict(&self, universe: &mut Universe, request: &EvidenceRequest, checkpoint: Checkpoint) -> Message {
        let domain = keys::domain();
        let epoch = universe.destination.verifier_epoch();
        let verdict = Verdict { deposit_id: request.deposit, checkpoint, epoch };
        let mut sign = |digest| universe.pens.sign(Set::Verifiers, self.member, digest);
        let signature = sign(verdict.digest(&domain));
        let checkpoint_signature = sign(verdict.checkpoint.digest(domain.chain_number, domain.registry, verdict.epoch));
        Message::Verdict(Box::new(SignedVerdict { verdict, signature, checkpoint_signature }))
    }

    /// Whatever it is shown, and sometimes something else: another time, another root.
    fn made_up(&self, universe: &mut Universe, request: &EvidenceRequest) -> Checkpoint {
        let root = request.evidence.root();
        let chain = universe.sources.iter().find(|chain| chain.id == request.source);
        let at = chain.and_then(|chain| chain.block(root)).map(|block| block.at);
        let mut at = at.unwrap_or(BlockRef { height: 1, hash: root, time: 1 });
        if universe.fault(30) {
            at.time += 1;
        }
        if universe.fault(10) {
            at.hash = B256::repeat_byte(0xbd);
        }
        Checkpoint {
            chain: request.source.clone(),
            height: at.height,
            root: at.hash,
            time: at.time,
            up_to: Checkpoint::ANY_AMOUNT,
        }
    }
}

fn honest_checkpoint(universe: &mut Universe, request: &EvidenceRequest) -> Result<Checkpoint, String> {
    let lag = if universe.fault(20) { 2 } else { 0 };
    let chain = universe.sources.iter().find(|chain| chain.id == request.source).ok_or("no such chain")?;
    let (found, block) = chain.proves(&request.evidence).ok_or("the evidence proves nothing")?;
    if found != request.deposit {
        return Err(format!("the evidence proves {found}"));
    }
    if chain.best().get(block.height as usize) != Some(&block.hash) || block.height + lag > chain.final_height() {
        return Err(format!("block {} is not final", block.hash));
    }
    Ok(Checkpoint {
        chain: chain.id.clone(),
        height: block.height,
        root: block.hash,
        time: block.time,
        up_to: Checkpoint::ANY_AMOUNT,
    })
}

/// A signer's node: the best chain as it is, some blocks ago.
struct Lookout(Shared);

impl Sighting for Lookout {
    fn sight<'a>(&'a self, seen: &'a SeenDeposit, _: UnixSeconds) -> BoxFuture<'a, Result<(), String>> {
        let mut universe = self.0.lock();
        let lag = if universe.fault(20) { 1 } else { 0 };
        let chain = universe.sources.iter().find(|chain| chain.id == seen.deposit.source_chain);
        let answer = chain.map_or(Err("no such chain".to_owned()), |chain| look(chain, seen, lag));
        futures::future::ready(answer).boxed()
    }
}

fn look(chain: &SourceChain, seen: &SeenDeposit, lag: usize) -> Result<(), String> {
    let view = &chain.best()[..chain.best().len() - lag];
    let stands = view.get(seen.block.height as usize) == Some(&seen.block.hash);
    let is_there = stands && chain.sightings(seen.block.hash).contains(seen);
    if is_there { Ok(()) } else { Err("not on the best chain".to_owned()) }
}

/// One signer.
pub struct SimSigner {
    /// How it behaves.
    pub conduct: Conduct,
    member: usize,
    role: SignerRole,
    universe: Shared,
}

impl SimSigner {
    /// Signer number `member`, on nodes of its own.
    pub fn new(member: usize, conduct: Conduct, universe: Shared) -> Self {
        let pens = universe.clone();
        let sign: SignDigest = Arc::new(move |digest| {
            let signature = pens.lock().pens.sign(Set::Signers, member, digest);
            futures::future::ready(Ok(signature)).boxed()
        });
        let destinations = BTreeMap::from([(keys::destination(), (keys::DESTINATION, keys::fast_lane(), keys::EPOCH))]);
        let lookout = |chain: ChainId| (chain, Box::new(Lookout(universe.clone())) as Box<dyn Sighting>);
        let sightings = keys::sources().map(lookout).into_iter().collect();
        let role = SignerRole::new(sign, [keys::relayer()].into(), destinations, sightings);
        Self { conduct, member, role, universe }
    }

    /// What it answers to a batch.
    pub fn answer(&self, signed: &SignedRequest, now: UnixSeconds) -> Option<Message> {
        let asked = self.role.take(signed, now).ok()?;
        match self.conduct {
            Conduct::Offline => None,
            Conduct::Honest => relayer::now(self.role.answer(&asked, now)),
            Conduct::Byzantine => {
                let request = asked.request();
                let mut universe = self.universe.lock();
                let root = request.terms.root;
                let digest = request.terms.digest(keys::DESTINATION, keys::fast_lane());
                if universe.fault(30) {
                    let items: Vec<_> = request.items.iter().map(|seen| (seen.deposit.id(), "no".to_owned())).collect();
                    let signature = universe.pens.sign(Set::Signers, self.member, Unseen::digest(digest, &items));
                    return Some(Message::Unseen(Unseen { root, items, signature }));
                }
                let signature = universe.pens.sign(Set::Signers, self.member, digest);
                Some(Message::Attestation { root, signature })
            }
        }
    }
}
