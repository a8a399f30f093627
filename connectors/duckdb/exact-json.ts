import { quoteText } from './sql-text.js';

/**
 * DuckDB's JSON functions read a number as a double where it has a point or more than 64 bits. A number too long to survive that
 * is read as a text instead, with a mark before it that no JSON text holds unescaped: U+001E.
 */
const mark = '\\u001e';
/** Characters of a number that a double may not give back: 15 digits and a point always do. */
const longNumber = '[0-9][0-9.]{15}';
/** A JSON string, which is left alone, or else a long number. */
const stringOrLongNumber = '("(?:[^"\\\\]|\\\\.)*")|(-?[0-9][0-9.eE+-]{15,})';
/** Control characters that JSON escapes, hence none of a text's own. */
const [opens, closes] = ['chr(29)', 'chr(28)'];

/** A JSON text whose long numbers are marked texts. */
export function withLongNumbersAsText(json: string): string {
  const text = `CAST(${json} AS VARCHAR)`;
  const replacement = `'\\1' || ${opens} || '\\2' || ${closes}`;
  const found = `regexp_replace(${text}, ${quoteText(stringOrLongNumber)}, ${replacement}, 'g')`;
  const marked = [
    [`${opens} || ${closes}`, `''`],
    [opens, quoteText(`"${mark}`)],
    [closes, `'"'`],
  ].reduce((sql, [from, to]) => `replace(${sql}, ${String(from)}, ${String(to)})`, found);
  return `CASE WHEN regexp_matches(${text}, ${quoteText(longNumber)}) THEN ${marked} ELSE ${text} END`;
}

/** The text of a member of such a JSON text, without the mark. */
export function textOfMember(json: string, path: string): string {
  const marked = '^\\x1e(-?[0-9][0-9.eE+-]{15,})$';
  return `regexp_replace(json_extract_string(${json}, ${quoteText(path)}), ${quoteText(marked)}, '\\1')`;
}

/** A member of such a JSON text as JSON, its long numbers with all digits. */
export function jsonOfMember(json: string, path: string): string {
  const member = `CAST(json_extract(${json}, ${quoteText(path)}) AS VARCHAR)`;
  return `regexp_replace(${member}, ${quoteText('"\\\\u001[eE](-?[0-9][0-9.eE+-]*)"')}, '\\1', 'g')`;
}
