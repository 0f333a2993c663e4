// Rows as text columns: each column of a batch travels as ONE text parameter, its values joined by a
// separator, and `unnest(string_to_array(...))` makes rows of them again. The statement's text stays the
// same for every batch size, so it is prepared once; measured, this costs the client half of what arrays
// do and the server no more than a parameter per cell.
import assert from 'node:assert/strict';

/** Between values. JSON.stringify escapes control characters, so no JSON text holds one. */
const SEPARATOR = '\u001f';
/** Stands for SQL null. */
const NULL = '\u001e';
/** Between the words of one value, e.g. the tags of an actor. */
export const WORD_SEPARATOR = '\u001d';

export type ColumnType = 'text' | 'int' | 'bigint' | 'float8';

/** Name in SQL, type, and where the value comes from. */
export type Column<Row> = readonly [
  name: string,
  type: ColumnType,
  value: (row: Row) => string | number | null,
];

/** The parameters of these rows, one per column. */
export const columnParameters = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): string[] => columns.map(([, , value]) => joinColumn(rows, value));

/**
 * A row source in SQL, e.g. `unnest(...) as r(component, id)`, from parameter `$first` on. A column that
 * holds a single empty string arrives as null: where the empty string is a value, say `coalesce(x, '')`.
 */
export function columnSource<Row>(columns: readonly Column<Row>[], first: number): string {
  const arrays = columns.map(([, type], index) => {
    const array = `string_to_array($${first + index}, E'\\x1f', E'\\x1e')`;
    return type === 'text' ? array : `${array}::${type}[]`;
  });
  return `unnest(${arrays.join(', ')}) as r(${columns.map(([name]) => name).join(', ')})`;
}

function joinColumn<Row>(rows: readonly Row[], value: Column<Row>[2]): string {
  let joined = '';
  for (const [index, row] of rows.entries()) {
    const cell = value(row);
    if (index > 0) joined += SEPARATOR;
    if (cell === null) joined += NULL;
    else joined += typeof cell === 'string' ? storable(cell) : String(cell);
  }
  return joined;
}

function storable(text: string): string {
  assert(
    !text.includes(SEPARATOR) && !text.includes(NULL) && !text.includes('\u0000'),
    'a stored text holds no NUL, U+001E or U+001F',
  );
  return text;
}
