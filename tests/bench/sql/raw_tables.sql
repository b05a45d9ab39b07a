-- Beside the tables of the platform.
CREATE SEQUENCE hold_number;
CREATE FUNCTION next_hold() RETURNS text LANGUAGE sql VOLATILE
    AS $$ SELECT CAST(CAST(lpad(to_hex(nextval('hold_number')), 12, '0') || '7000800000000000' || lpad(to_hex(CAST(random() * 65535 AS int)), 4, '0') AS uuid) AS text) $$;
