//! Contradictions that both of their sides show, of every chain.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::bitcoin::{self, Anchor, ChainParams};
use spandrel_verifiers::{Contradicted, Contradiction};

use crate::ethereum::pairs;
use crate::headers::{START, bytes, mine};

static HONEST: LazyLock<[(Contradiction, Contradicted); 3]> = LazyLock::new(|| {
    let ethereum = |two| Contradiction::Ethereum(Box::new(two));
    [ethereum(pairs::of_one_slot()), ethereum(pairs::of_two_heights()), bitcoin()].map(|two| {
        let shown = two.verify().expect("an honest contradiction is shown");
        (two, shown)
    })
});

/// Which contradiction.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Kind {
    /// Two finality updates of one slot.
    Slot,
    /// A finality update whose block does not descend from the other's.
    Heights,
    /// Two branches of Bitcoin headers.
    Branches,
}

impl Kind {
    /// The honest one.
    pub fn honest(self) -> &'static Contradiction {
        &HONEST[self as usize].0
    }

    /// Whether bytes that trust the same as the honest ones may show `shown`. Nobody else can sign, but anyone can work.
    pub fn may_show(self, shown: &Contradicted) -> bool {
        let expected = &HONEST[self as usize].1;
        let is_there = (&shown.chain, shown.place, shown.number) == (&expected.chain, expected.place, expected.number);
        match self {
            Self::Slot | Self::Heights => shown == expected,
            Self::Branches => is_there && shown.first != shown.second,
        }
    }
}

fn branch(mut parent: B256, count: u32, tag: u8) -> Vec<Bytes> {
    let child = |number| {
        let header = mine(parent, B256::repeat_byte(tag), START + 600 * number);
        parent = header.hash;
        bytes(&header)
    };
    (0..count).map(child).collect()
}

/// One header after the genesis block that two have replaced.
fn bitcoin() -> Contradiction {
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params).expect("the genesis block is an anchor");
    let genesis = bitcoin::sha256d(&anchor.header);
    let (replaced, replacing) = (branch(genesis, 1, 1), branch(genesis, 2, 2));
    Contradiction::Bitcoin(Box::new(bitcoin::Contradiction { chain: params.chain(), anchor, replaced, replacing }))
}
