-- What failed on-chain is looked up by what it called: a call that carries no effect is not repeated for ever.
CREATE INDEX txs_failed ON txs (chain, signer, contract, input) WHERE outcome = 'failed';
