//! Trust in every chain with updates of every kind. What they say is filled in, not signed.

use alloy_primitives::{Address, B256, Signature, U256};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::cosmos::{self, ClientHeader, Misbehaviour};
use spandrel_verifiers::ethereum::{self, Fork, Form, Preset};
use spandrel_verifiers::file::{BlockTrust, EthereumTrust, SolanaTrust, Trust};
use spandrel_verifiers::solana::{
    Ballot, BankPreimage, BlockPath, CarriedBlock, FinalUpdate, MigrationUpdate, RootUpdate, ShredProof, StakesUpdate,
    Update,
};

use crate::cosmos::scene::scene;
use crate::ethereum::filled;
use crate::ethereum::networks::minimal_network;
use crate::solana::maker::{bank, config, table, validators, votes};
use crate::trusts;

/// Of Ethereum one for each layout of its light-client data.
pub fn every_trust() -> Vec<Trust> {
    let forks = [Fork::Altair, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Gloas];
    forks.into_iter().map(of_ethereum).chain([of_cosmos(), of_solana(), of_block()]).collect()
}

fn of_ethereum(fork: Fork) -> Trust {
    let form = Form { fork, preset: Preset::Minimal };
    let update = filled::update(form, 77, 7);
    let updates = vec![
        ethereum::Update::Finality(Box::new(filled::finality(&update))),
        ethereum::Update::Optimistic(Box::new(filled::optimistic(&update))),
        ethereum::Update::Period(Box::new(update)),
    ];
    Trust::Ethereum(Box::new(EthereumTrust {
        network: minimal_network(fork, B256::repeat_byte(1)),
        outbox: Address::repeat_byte(2),
        trusted_root: B256::repeat_byte(3),
        bootstrap: filled::bootstrap(form, 77, 7),
        updates,
    }))
}

fn of_cosmos() -> Trust {
    let scene = scene();
    let mut trust = trusts::cosmos(&scene).trust;
    let Trust::Cosmos(cosmos) = &mut trust else { unreachable!("trust in a Cosmos chain") };
    let header = ClientHeader::decode(&scene.header(10)).expect("an honest header");
    let misbehaviour = Misbehaviour { header_1: header.clone(), header_2: header };
    cosmos.updates.push(cosmos::Update::Misbehaviour(misbehaviour.encode()));
    trust
}

fn of_solana() -> Trust {
    let ballot = Ballot { slot: 300, bank_hash: B256::repeat_byte(1), block_id: B256::repeat_byte(2) };
    let votes = votes(ballot, &validators());
    let (first, _) = bank(B256::ZERO, 5);
    let forked = BankPreimage { hard_forks: Some(1), ..first.clone() };
    let certified = certified();
    let updates = vec![
        stakes(CarriedBlock::Votes(votes.clone())),
        stakes(CarriedBlock::Final(certified.clone())),
        Update::Votes(votes),
        Update::Root(RootUpdate { slot: 300, descendant: 340, banks: vec![first, forked] }),
        Update::Final(certified),
        Update::Migration(MigrationUpdate { certificate: vec![4; 60].into() }),
    ];
    Trust::Solana(Box::new(SolanaTrust { config: config(), table: table(0, &validators()), updates }))
}

fn certified() -> FinalUpdate {
    let chained = BlockPath::Chained { tail: vec![vec![5; 40].into()] };
    let parent_block_id = B256::repeat_byte(6);
    let double = BlockPath::DoubleMerkle { parent_slot: 299, parent_block_id, fec_set_roots: vec![B256::ZERO; 2] };
    let shreds = |before: Option<u8>, block| ShredProof {
        before: before.map(|byte| vec![byte; 40].into()),
        batch: vec![vec![7; 40].into(); 2],
        block,
    };
    let certificates = vec![vec![8; 60].into(), vec![9; 50].into()];
    FinalUpdate { certificates, footer: shreds(Some(7), chained), tick: shreds(None, double) }
}

fn stakes(carried: CarriedBlock) -> Update {
    let mut table = table(1, &validators());
    table.stakes[0].alpenglow = None;
    let signatures = vec![Signature::new(U256::ONE, U256::from(2), true)];
    Update::Stakes(Box::new(StakesUpdate { table, signatures, carried }))
}

fn of_block() -> Trust {
    let chain = ChainId::eip155(1);
    Trust::Block(Box::new(BlockTrust { chain, bridge: B256::repeat_byte(1), block: B256::repeat_byte(2) }))
}
