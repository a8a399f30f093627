import { readFileSync } from 'node:fs';
import { projectTemplate } from '../../client/project-template.js';

/** Pages with code blocks that are copies of files: README and the guides. */
export const pagesWithCopies = ['README.md', 'docs/guides/first-dag.md'] as const;

const block = /^```(\w+) ((?:init:)?[\w./-]+)\n[^]*?^```$/gm;

/**
 * A page whose blocks with a file name after the language hold that file: of the repository, or, with `init:`, of the
 * project that `millrace init` writes.
 */
export function withCopies(page: string): string {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  return text.replaceAll(block, (_whole, language: string, name: string) => {
    return `\`\`\`${language} ${name}\n${contentOf(name).trimEnd()}\n\`\`\``;
  });
}

function contentOf(name: string): string {
  if (!name.startsWith('init:')) return readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
  const content = projectTemplate[name.slice('init:'.length)];
  if (content === undefined) throw new Error(`"millrace init" writes no ${name}`);
  return content;
}
