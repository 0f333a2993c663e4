-- What a key is confined to, and how one takes another's place.

alter table api_keys
  -- Names with spaces between them. Null: all that its kind may.
  add column scopes text check (scopes ~ '^[a-z]+:[a-z]+( [a-z]+:[a-z]+)*$'),
  add column requests_per_minute integer check (requests_per_minute > 0),
  -- The key that was made in its place: this one ends soon.
  add column replaced_by text;

-- Open sockets of a key that has expired are looked for beside those of revoked ones.
create index api_keys_expiry on api_keys (expires_at) where expires_at is not null;
