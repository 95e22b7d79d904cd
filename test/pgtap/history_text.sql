--
-- where reading a history stopped, and what it says
--
BEGIN;
SET LOCAL search_path = public, tiering;
CREATE FUNCTION stopped_at(input text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM input::purchase_history;
  RETURN 'accepted';
EXCEPTION WHEN invalid_text_representation THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN coalesce(substring(detail FROM 'Reading stopped at character ([0-9]+)'), detail);
END $$;

CREATE TEMP TABLE cases (input text, place text, why text);
INSERT INTO cases VALUES
  ('', '1', 'nothing'),
  ('2;2', '1', 'another format'),
  ('1', '2', 'no scale'),
  ('1;', '3', 'an empty scale'),
  ('1;7', '3', 'too large a scale'),
  ('1;x', '3', 'a scale that is no number'),
  ('1,2', '2', 'a comma for a semicolon'),
  ('1;2x', '4', 'something after the scale'),
  ('1;2;', '5', 'no date'),
  ('1;2;2011-02-29,1,1.00', '5', 'no such date'),
  ('1;2;2011-01-03', '15', 'a date alone'),
  ('1;2;2011-01-03,', '16', 'no number of orders'),
  ('1;2;2011-01-03x,1,1.00', '15', 'something after the date'),
  ('1;2;2011-01-03,1', '17', 'no money'),
  ('1;2;2011-01-03,1.5,1.00', '17', 'half an order'),
  ('1;2;2011-01-03,1,', '18', 'empty money'),
  ('1;2;2011-01-03,1,x', '18', 'money that is no number'),
  ('1;2;2011-01-03,1,1.00,', '23', 'an empty refund'),
  ('1;2;2011-01-03,1,1.00x', '22', 'something after the money'),
  ('1;2;2011-01-03,1,1.00;2011-01-03,1,1.00', '23', 'the same date twice'),
  ('1;2;2011-01-03,1,1.00;2011-01-04,1,', '36', 'the second day');

SELECT plan((SELECT count(*)::int + 2 FROM cases));
SELECT is(stopped_at(input), place, 'place: ' || why) FROM cases;
SELECT throws_ok($$SELECT '1;2;x'::purchase_history$$, '22P02', 'invalid input syntax for type purchase_history: "1;2;x"',
  'the message has the input');
SELECT throws_ok($$SELECT '1;2;x'::text::purchase_history$$, '22P02', NULL, 'the same through a cast');
SELECT * FROM finish();
ROLLBACK;
