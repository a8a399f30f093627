import { format } from 'prettier';
import { cliPage } from './cli-page.js';
import { configPage } from './config-page.js';
import { pagesWithCopies, withCopies } from './embed.js';
import { errorsPage } from './errors-page.js';
import { limitsPage } from './limits-page.js';
import { sourcesPage } from './sources-page.js';
import { warehousesPage } from './warehouses-page.js';
import { webhooksPage } from './webhooks-page.js';

/** The pages that are generated, or hold copies of files, by path from the root; formatted. */
export async function generatedPages(): Promise<Readonly<Record<string, string>>> {
  const pages = {
    'docs/reference/cli.md': await cliPage(),
    'docs/reference/config.md': configPage(),
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/limits.md': limitsPage(),
    'docs/reference/sources.md': sourcesPage(),
    'docs/reference/warehouses.md': warehousesPage(),
    'docs/reference/webhooks.md': await webhooksPage(),
    ...Object.fromEntries(pagesWithCopies.map((page) => [page, withCopies(page)])),
  };
  const formatted = Object.entries(pages).map(
    async ([path, text]) =>
      [
        path,
        await format(text, { parser: 'markdown', printWidth: 110, singleQuote: true, trailingComma: 'all' }),
      ] as const,
  );
  return Object.fromEntries(await Promise.all(formatted));
}
