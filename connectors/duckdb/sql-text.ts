/** A text literal. Values of records never go through here; paths of staged files and constants of a DAG file do. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A quoted identifier; any name is safe inside. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
