/** The environment of the tests as a process of the product gets it: what asks for tests is no setting, and it refuses what it does not know. */
export function productEnv(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const settings = Object.entries(process.env).filter(([name]) => !/^MILLRACE_(TEST|LONG)_/.test(name));
  return { ...Object.fromEntries(settings), NODE_OPTIONS: '', ...more };
}
