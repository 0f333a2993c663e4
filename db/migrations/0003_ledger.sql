-- Double-entry: the legs of (account_id, posting) sum to zero. Amounts are integers in millitokens.

create table ledger (
  account_id text not null,
  posting bigint not null,
  leg integer not null,
  book text not null check (book in ('allowance', 'topUp', 'held') or book like 'system:_%'),
  amount_mt bigint not null check (amount_mt <> 0),
  -- A person's own books carry their running balance and never go below zero; ours carry none, because
  -- a running balance that everybody's postings touch would put them all in one queue.
  balance_mt bigint check (balance_mt >= 0),
  reason text not null,
  job_id text,
  at timestamptz not null,
  constraint ledger_pkey primary key (account_id, posting, leg),
  constraint ledger_number_check check (posting >= 1 and leg >= 1),
  constraint ledger_balance_owner_check check ((balance_mt is null) = (book like 'system:%'))
);

create trigger ledger_is_append_only before update or delete on ledger
  for each row execute function refuse_change();
create trigger ledger_is_not_truncated before truncate on ledger
  for each statement execute function refuse_change();
