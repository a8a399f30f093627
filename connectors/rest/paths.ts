/** Names of members of a path that is written with dots; no path is the document itself. */
export function pathOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split('.');
}
