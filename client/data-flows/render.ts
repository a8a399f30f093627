import type { DataFlow, FlowSource } from './describe.js';
import type { FlowTable } from './flow-table.js';
import { mermaidText } from '../mermaid.js';

/** One page of Markdown: what a DAG reads, how often, what it writes, and what its fields may be used for. */
export function renderFlow(flow: DataFlow): string {
  const { dagId, description, owner, tags, mode, updateFrequency, sources, tables, outlets, problems } = flow;
  return [
    `# ${dagId}`,
    '',
    ...(description === '' ? [] : [description, '']),
    ...table(
      ['owner', 'tags', 'mode', 'update frequency', 'outlets'],
      [[owner ?? '(none)', tags.join(', '), mode, updateFrequency, outlets.join(', ')]],
    ),
    '## Sources',
    '',
    ...table(
      ['task', 'source', 'connection', 'reads'],
      sources.map((source) => [source.taskId, sourceName(source), source.connection ?? '', source.read]),
    ),
    ...tables.flatMap(tableSection),
    ...(problems.length === 0
      ? []
      : ['## To be completed', '', ...problems.map((problem) => `- ${problem}`), '']),
  ].join('\n');
}

function tableSection(written: FlowTable): string[] {
  const { table: name, taskId, disposition, key, version, sources, schema, quarantineOver, fields } = written;
  return [
    `## Table ${name}`,
    '',
    ...table(
      ['task', 'from', 'disposition', 'key', 'version', 'schema', 'quarantine over', 'retention'],
      [
        [
          taskId,
          sources.join(', '),
          disposition,
          key.join(', '),
          version.join(', '),
          schema ?? '(none)',
          quarantineOver === null ? '' : `${String(quarantineOver * 100)} %`,
          'no limit',
        ],
      ],
    ),
    ...(fields === null
      ? ['No schema describes its columns.', '']
      : table(
          ['column', 'type', 'comes from', 'personal data', 'purposes', 'names the person'],
          fields.map((field) => [
            field.name,
            field.type,
            field.from,
            field.pii ?? '(untagged)',
            field.purpose.join(', '),
            field.isSubjectKey ? 'yes' : '',
          ]),
        )),
  ];
}

/** The first page: every DAG in a line, and the lineage of all of them as one graph. */
export function renderIndex(flows: readonly DataFlow[]): string {
  return [
    '# Data flows',
    '',
    'Written by `millrace docs` from the DAG files.',
    '',
    ...table(
      ['DAG', 'owner', 'mode', 'update frequency', 'sources', 'tables'],
      flows.map((flow) => [
        `[${flow.dagId}](${flow.dagId}.md)`,
        flow.owner ?? '(none)',
        flow.mode,
        flow.updateFrequency,
        [...new Set(flow.sources.map(sourceName))].join(', '),
        [...new Set(flow.tables.map((written) => written.table))].join(', '),
      ]),
    ),
    '```mermaid',
    renderLineage(flows),
    '```',
    '',
  ].join('\n');
}

/** Sources, DAGs and tables as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html). */
export function renderLineage(flows: readonly DataFlow[]): string {
  const nodes = new Map<string, string>();
  const node = (kind: string, name: string, open: string, close: string): string => {
    const key = `${kind} ${name}`;
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const id = `n${String(nodes.size)}`;
    nodes.set(key, id);
    lines.push(`  ${id}${open}"${mermaidText(name)}"${close}`);
    return id;
  };
  const lines: string[] = [];
  const edges = new Set<string>();
  for (const { dagId, sources, tables, outlets } of flows) {
    const dag = node('dag', dagId, '[', ']');
    for (const source of sources) {
      const { connection } = source;
      const name = `${sourceName(source)}${connection === null ? '' : ` @ ${connection}`}`;
      edges.add(`  ${node('source', name, '([', '])')} --> ${dag}`);
    }
    for (const written of tables) edges.add(`  ${dag} --> ${node('table', written.table, '[(', ')]')}`);
    for (const uri of outlets) edges.add(`  ${dag} -.-> ${node('asset', uri, '{{', '}}')}`);
  }
  return ['flowchart LR', ...lines, ...edges].join('\n');
}

function sourceName({ connector, stream }: Pick<FlowSource, 'connector' | 'stream'>): string {
  return `${connector}/${stream}`;
}

function table(headers: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(headers), line(headers.map(() => '---')), ...rows.map(line), ''];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
