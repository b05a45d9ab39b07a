-- A sale with nothing but what it cannot do without: what is left, who has it, how it moved, what to tell.
CREATE TABLE sale (id int PRIMARY KEY, free bigint NOT NULL CHECK (free >= 0)) WITH (fillfactor = 50);
CREATE TABLE place (id uuid PRIMARY KEY, sale_id int NOT NULL, buyer bigint NOT NULL, units int NOT NULL, taken_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX place_of_buyer ON place (buyer, taken_at);
CREATE TABLE movement (place_id uuid PRIMARY KEY, units int NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE news (seq bigserial PRIMARY KEY, about uuid NOT NULL, body jsonb NOT NULL);
CREATE SEQUENCE place_number;
-- Those made later are greater, as in a version 7.
CREATE FUNCTION next_place() RETURNS uuid LANGUAGE sql VOLATILE
    AS $$ SELECT CAST(lpad(to_hex(nextval('place_number')), 12, '0') || '7000800000000000' || lpad(to_hex(CAST(random() * 65535 AS int)), 4, '0') AS uuid) $$;
INSERT INTO sale (id, free) VALUES (1, 1000000000);
