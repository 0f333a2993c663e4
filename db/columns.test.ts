import { expect, test } from 'vitest';
import { type Column, columnParameters, columnSource } from './columns.ts';

interface Row {
  readonly id: string;
  readonly count: number | null;
}
const columns: readonly Column<Row>[] = [
  ['id', 'text', (row) => row.id],
  ['count', 'bigint', (row) => row.count],
];

test('each column is one parameter', () => {
  const rows = [
    { id: 'a', count: 1 },
    { id: '', count: null },
  ];
  expect(columnParameters(columns, rows)).toEqual(['a\u001f', '1\u001f\u001e']);
  expect(columnParameters(columns, [])).toEqual(['', '']);
});

test('the source names its parameters from the first on', () => {
  expect(columnSource(columns, 4)).toBe(
    "unnest(string_to_array($4, E'\\x1f', E'\\x1e'), " +
      "string_to_array($5, E'\\x1f', E'\\x1e')::bigint[]) as r(id, count)",
  );
});

test.each(['\u0000', '\u001e', '\u001f'])('a text that holds %j is refused', (separator) => {
  const rows = [{ id: `a${separator}b`, count: 0 }];
  expect(() => columnParameters(columns, rows)).toThrow('U+001F');
});
