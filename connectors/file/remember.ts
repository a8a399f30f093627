/** Distinct texts whose results are kept; then all are dropped. */
const rememberedTexts = 4_096;

/** The same pure function of a text, quick for texts that repeat, such as dates. */
export function remember<Result>(compute: (text: string) => Result): (text: string) => Result {
  const results = new Map<string, Result>();
  return (text) => {
    const known = results.get(text);
    if (known !== undefined || results.has(text)) return known as Result;
    if (results.size >= rememberedTexts) results.clear();
    const result = compute(text);
    results.set(text, result);
    return result;
  };
}
