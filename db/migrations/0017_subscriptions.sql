-- A fourth kind of actor: what an account has paid for.

alter table actors drop constraint actors_kind_check;
alter table actors add constraint actors_kind_check
  check (kind in ('job', 'worker', 'quota', 'subscription'));
