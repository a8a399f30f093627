import { listFiles, readText } from '../architecture/source-tree.js';

/** A code block of a page. */
export interface CodeBlock {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  /** File name after the language, if any. */
  readonly name: string;
  readonly text: string;
}

/** Pages that people read. */
export function listPages(): string[] {
  return listFiles((path) => path.endsWith('.md') && !path.startsWith('dags/'));
}

export function blocksOf(page: string): CodeBlock[] {
  return blocksIn(page, readText(page));
}

export function blocksIn(page: string, markdown: string): CodeBlock[] {
  return [...markdown.matchAll(/^```(\w*) ?(.*)\n([^]*?)^```$/gm)].map((match) => ({
    page,
    line: markdown.slice(0, match.index).split('\n').length,
    language: match[1] ?? '',
    name: match[2] ?? '',
    text: match[3] ?? '',
  }));
}

/** Every block in one language, labelled for a test's title. */
export function blocksInLanguage(language: string): [string, CodeBlock][] {
  return listPages()
    .flatMap(blocksOf)
    .filter((block) => block.language === language)
    .map((block) => [`${block.page}:${String(block.line)}`, block]);
}
