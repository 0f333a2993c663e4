-- Results whose time is nearly over are told of before they go: files that a job has promised to keep until
-- `kept_until`. What nobody has used yet is promised to nobody.
alter table blobs add column promised boolean not null default false;
create index blobs_promised on blobs (account_id, kept_until) where promised;
