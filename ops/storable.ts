/**
 * Parameters of a statement as every store keeps them alike. The SQLite driver ends the whole process on a parameter of a
 * type that it does not know; here that is an error. No store keeps a NUL in a text (SQLite reads up to it, Postgres refuses
 * it), so that one is stored as the replacement character.
 *
 * @throws TypeError
 */
export function storable(parameters: readonly unknown[]): (null | string | number)[] {
  return parameters.map((value) => {
    if (value === null) return value;
    if (typeof value === 'string') return value.replaceAll('\0', '\uFFFD');
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new TypeError(`a parameter of type ${typeof value} cannot be stored`);
  });
}
