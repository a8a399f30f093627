import { format } from 'prettier';
import { configPage } from './config-page.js';
import { errorsPage } from './errors-page.js';
import { limitsPage } from './limits-page.js';

/** The generated pages by path from the root of the repository, formatted. */
export async function generatedPages(): Promise<Readonly<Record<string, string>>> {
  const pages = {
    'docs/reference/config.md': configPage(),
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/limits.md': limitsPage(),
  };
  const formatted = Object.entries(pages).map(
    async ([path, text]) => [path, await format(text, { parser: 'markdown', printWidth: 110 })] as const,
  );
  return Object.fromEntries(await Promise.all(formatted));
}
