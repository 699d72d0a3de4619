//! What states and block bodies are made of, by fork and preset.

use spandrel_verifiers::ethereum::{Fork, Form, Preset};

use crate::schema::{Type, bytes, list, vector};

use Type::{BitList, BitVector, Container, Growing, Number};

pub const U64: Type = Number(8);

pub type Fields = Vec<(&'static str, Type)>;

/// By which fork and preset. Since Gloas, lists grow, and the containers that hold them.
pub struct Rules {
    fork: Fork,
    preset: Preset,
}

impl Rules {
    pub fn of(Form { fork, preset }: Form) -> Self {
        Self { fork, preset }
    }

    pub fn either(&self, minimal: usize, mainnet: usize) -> usize {
        match self.preset {
            Preset::Minimal => minimal,
            Preset::Mainnet => mainnet,
        }
    }

    pub fn slots_per_epoch(&self) -> usize {
        self.either(8, 32)
    }

    pub fn list(&self, of: Type, limit: usize) -> Type {
        Type::List(Box::new(of), self.limit(limit))
    }

    fn limit(&self, limit: usize) -> Option<u64> {
        (self.fork < Fork::Gloas).then_some(limit as u64)
    }

    pub fn container(&self, fields: Fields) -> Type {
        if self.fork < Fork::Gloas { Container(fields) } else { Growing(fields) }
    }

    pub fn since(&self, fork: Fork, fields: Fields) -> Fields {
        if self.fork < fork { Vec::new() } else { fields }
    }

    pub fn until(&self, fork: Fork, fields: Fields) -> Fields {
        if self.fork > fork { Vec::new() } else { fields }
    }

    pub fn attestation(&self) -> Type {
        let all = if self.fork < Fork::Electra { 1 } else { self.either(4, 64) };
        let fields = vec![
            ("aggregation_bits", BitList(self.limit(2048 * all))),
            ("data", attestation_data()),
            ("signature", signature()),
        ];
        self.container([fields, self.since(Fork::Electra, vec![("committee_bits", BitVector(all))])].concat())
    }

    pub fn attester_slashing(&self) -> Type {
        let all = if self.fork < Fork::Electra { 1 } else { self.either(4, 64) };
        let attestation = self.container(vec![
            ("attesting_indices", self.list(U64, 2048 * all)),
            ("data", attestation_data()),
            ("signature", signature()),
        ]);
        Container(vec![("attestation_1", attestation.clone()), ("attestation_2", attestation)])
    }

    fn withdrawals(&self) -> Type {
        let withdrawal =
            Container(vec![("index", U64), ("validator_index", U64), ("address", bytes(20)), ("amount", U64)]);
        self.list(withdrawal, self.either(4, 16))
    }

    /// What payloads and their headers begin with.
    fn execution(&self) -> Fields {
        vec![
            ("parent_hash", hash()),
            ("fee_recipient", bytes(20)),
            ("state_root", hash()),
            ("receipts_root", hash()),
            ("logs_bloom", bytes(256)),
            ("prev_randao", hash()),
            ("block_number", U64),
            ("gas_limit", U64),
            ("gas_used", U64),
            ("timestamp", U64),
            ("extra_data", list(Number(1), 32)),
            ("base_fee_per_gas", Number(32)),
            ("block_hash", hash()),
        ]
    }

    fn blob_gas(&self) -> Fields {
        self.since(Fork::Deneb, vec![("blob_gas_used", U64), ("excess_blob_gas", U64)])
    }

    pub fn payload(&self) -> Type {
        let transactions = list(list(Number(1), 1 << 30), 1 << 20);
        let withdrawals = self.since(Fork::Capella, vec![("withdrawals", self.withdrawals())]);
        Container([self.execution(), vec![("transactions", transactions)], withdrawals, self.blob_gas()].concat())
    }

    pub fn payload_header(&self) -> Type {
        let withdrawals = self.since(Fork::Capella, vec![("withdrawals_root", hash())]);
        Container([self.execution(), vec![("transactions_root", hash())], withdrawals, self.blob_gas()].concat())
    }

    pub fn requests(&self) -> Type {
        let deposit = [pending_of_key(), vec![("index", U64)]].concat();
        let withdrawal = vec![("source_address", bytes(20)), ("validator_pubkey", key()), ("amount", U64)];
        let consolidation = vec![("source_address", bytes(20)), ("source_pubkey", key()), ("target_pubkey", key())];
        let exit = vec![("source_address", bytes(20)), ("pubkey", key())];
        let of_builders = vec![
            ("builder_deposits", self.list(Container(pending_of_key()), 64)),
            ("builder_exits", self.list(Container(exit), 16)),
        ];
        let fields = vec![
            ("deposits", self.list(Container(deposit), 8192)),
            ("withdrawals", self.list(Container(withdrawal), 16)),
            ("consolidations", self.list(Container(consolidation), 2)),
        ];
        self.container([fields, self.since(Fork::Gloas, of_builders)].concat())
    }

    pub fn commitments(&self) -> Type {
        self.list(key(), 4096)
    }

    pub fn bid(&self) -> Type {
        self.container(vec![
            ("parent_block_hash", hash()),
            ("parent_block_root", hash()),
            ("block_hash", hash()),
            ("prev_randao", hash()),
            ("fee_recipient", bytes(20)),
            ("gas_limit", U64),
            ("builder_index", U64),
            ("slot", U64),
            ("value", U64),
            ("execution_payment", U64),
            ("blob_kzg_commitments", self.commitments()),
            ("execution_requests_root", hash()),
        ])
    }

    pub fn payload_attestation(&self) -> Type {
        let data = Container(vec![
            ("beacon_block_root", hash()),
            ("slot", U64),
            ("payload_present", Number(1)),
            ("blob_data_available", Number(1)),
        ]);
        self.container(vec![
            ("aggregation_bits", BitVector(self.either(16, 512))),
            ("data", data),
            ("signature", signature()),
        ])
    }

    pub fn committee(&self) -> Type {
        Container(vec![("pubkeys", vector(key(), self.preset.committee_size())), ("aggregate_pubkey", key())])
    }

    /// What is new in the state since Electra.
    pub fn queues(&self) -> Fields {
        let deposit = [pending_of_key(), vec![("slot", U64)]].concat();
        let withdrawal = vec![("validator_index", U64), ("amount", U64), ("withdrawable_epoch", U64)];
        let consolidation = vec![("source_index", U64), ("target_index", U64)];
        vec![
            ("deposit_requests_start_index", U64),
            ("deposit_balance_to_consume", U64),
            ("exit_balance_to_consume", U64),
            ("earliest_exit_epoch", U64),
            ("consolidation_balance_to_consume", U64),
            ("earliest_consolidation_epoch", U64),
            ("pending_deposits", self.list(Container(deposit), 1 << 27)),
            ("pending_partial_withdrawals", self.list(Container(withdrawal), self.either(64, 1 << 27))),
            ("pending_consolidations", self.list(Container(consolidation), self.either(64, 1 << 18))),
        ]
    }

    /// And since Gloas.
    pub fn builders(&self) -> Fields {
        let withdrawal = Container(vec![("fee_recipient", bytes(20)), ("amount", U64), ("builder_index", U64)]);
        let payment = vec![("weight", U64), ("withdrawal", withdrawal.clone()), ("proposer_index", U64)];
        let builder = vec![
            ("pubkey", key()),
            ("version", Number(1)),
            ("execution_address", bytes(20)),
            ("balance", U64),
            ("deposit_epoch", U64),
            ("withdrawable_epoch", U64),
        ];
        let slots = self.slots_per_epoch();
        vec![
            ("builders", self.list(Container(builder), 0)),
            ("next_withdrawal_builder_index", U64),
            ("execution_payload_availability", BitVector(self.either(64, 8192))),
            ("builder_pending_payments", vector(Container(payment), 2 * slots)),
            ("builder_pending_withdrawals", self.list(withdrawal, 0)),
            ("latest_execution_payload_bid", self.bid()),
            ("payload_expected_withdrawals", self.withdrawals()),
            ("ptc_window", vector(vector(U64, self.either(16, 512)), 3 * slots)),
        ]
    }
}

pub fn hash() -> Type {
    bytes(32)
}

pub fn key() -> Type {
    bytes(48)
}

pub fn signature() -> Type {
    bytes(96)
}

pub fn checkpoint() -> Type {
    Container(vec![("epoch", U64), ("root", hash())])
}

fn attestation_data() -> Type {
    Container(vec![
        ("slot", U64),
        ("index", U64),
        ("beacon_block_root", hash()),
        ("source", checkpoint()),
        ("target", checkpoint()),
    ])
}

pub fn block_header() -> Type {
    let roots = vec![("parent_root", hash()), ("state_root", hash()), ("body_root", hash())];
    Container([vec![("slot", U64), ("proposer_index", U64)], roots].concat())
}

pub fn eth1_data() -> Type {
    Container(vec![("deposit_root", hash()), ("deposit_count", U64), ("block_hash", hash())])
}

pub fn signed(message: Type) -> Type {
    Container(vec![("message", message), ("signature", signature())])
}

/// A deposit of one key, as it is asked for and waits.
pub fn pending_of_key() -> Fields {
    vec![("pubkey", key()), ("withdrawal_credentials", hash()), ("amount", U64), ("signature", signature())]
}

pub fn validator() -> Type {
    let epochs = ["activation_eligibility_epoch", "activation_epoch", "exit_epoch", "withdrawable_epoch"];
    let fields =
        vec![("pubkey", key()), ("withdrawal_credentials", hash()), ("effective_balance", U64), ("slashed", Number(1))];
    Container([fields, epochs.map(|name| (name, U64)).to_vec()].concat())
}
