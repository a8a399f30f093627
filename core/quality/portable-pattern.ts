/**
 * True for a pattern that JavaScript (with the u flag) and RE2 read alike: literals, classes of ASCII ranges, groups,
 * anchors and bounded repeats; nothing that depends on Unicode tables, line ends or backtracking.
 */
export function isPortablePattern(pattern: string): boolean {
  const rest = pattern
    .replace(/\\[.\\/()[\]{}|*+?^$-]/g, '')
    .replace(/\[\^?(?:[A-Za-z0-9 _.:;,@#%&=!<>/'"*+?$(){}|~`-])+\]/g, '')
    .replace(/\(\?:/g, '(');
  return !/[\\.[\]]|\(\?/.test(rest) && !/\{\d{4,}|,\d{4,}\}/.test(rest) && /^[\x20-\x7e]*$/.test(pattern);
}
