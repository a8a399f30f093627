import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { register } from 'tsx/esm/api';
import type { DagDefinition, TaskFunctions } from '../../core/dag/dag-definition.js';
import type { DagSpec } from '../../core/dag/dag-spec.js';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { validateSpec } from '../../core/dag/validate-spec.js';
import { paramProblems } from '../../schemas/params.js';
import type { SchemaRegistry } from '../../schemas/registry.js';

let isRegistered = false;

/**
 * Loads every `*.ts`, `*.mts`, `*.js` and `*.mjs` file of a folder; each exports one DAG as default or several by name.
 * The record schemas that validate tasks name are embedded, so that a run keeps the schema that it started with.
 *
 * @throws PipelineError DAG_FILE_FAILED, DAG_INVALID, SCHEMA_UNKNOWN
 */
export async function loadDags(directory: string, schemas: SchemaRegistry): Promise<DagDefinition[]> {
  if (!existsSync(directory)) return [];
  if (!isRegistered) {
    register();
    isRegistered = true;
  }
  const files = readdirSync(directory)
    .filter((name) => /\.m?[jt]s$/.test(name) && !/\.d\.m?ts$|\.test\./.test(name))
    .sort();
  const definitions: DagDefinition[] = [];
  const fileOf = new Map<string, string>();
  for (const name of files) {
    const found = await importDags(join(directory, name), name);
    if (found.length === 0)
      throw new PipelineError('DAG_FILE_FAILED', {
        file: name,
        reason: 'it exports no DAG; use "export default defineDag({ … })"',
      });
    for (const definition of found) {
      const { id } = definition.spec;
      const other = fileOf.get(id);
      if (other !== undefined)
        throw new PipelineError('DAG_FILE_FAILED', {
          file: name,
          reason: `DAG "${id}" is also defined in ${other}`,
        });
      fileOf.set(id, name);
      definitions.push({ ...definition, spec: embedSchemas(definition.spec, schemas) });
    }
  }
  return definitions;
}

async function importDags(path: string, name: string): Promise<DagDefinition[]> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (isPipelineError(error)) throw error;
    throw new PipelineError('DAG_FILE_FAILED', { file: name, reason: reasonOf(error) }, { cause: error });
  }
  return Object.values(module).filter(isDefinition);
}

/** In the place of what Node.js says of a file that is taken for CommonJS: a chain of files that require each other. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!('code' in error) || error.code !== 'ERR_REQUIRE_CYCLE_MODULE') return error.message;
  return 'it is taken for CommonJS: the package.json of the project has to say "type": "module"';
}

function isDefinition(value: unknown): value is DagDefinition {
  return typeof value === 'object' && value !== null && 'spec' in value && 'functions' in value;
}

/** Puts the documents of the named schemas into the spec. @throws PipelineError SCHEMA_UNKNOWN, DAG_INVALID */
export function embedSchemas(spec: DagSpec, schemas: SchemaRegistry): DagSpec {
  const embedded: DagSpec = {
    ...spec,
    tasks: spec.tasks.map((task) => {
      if (task.kind !== 'validate') return task;
      const { schema } = task.config;
      const { document, protobuf } = schemas.get(schema.id);
      const embeddedSchema = {
        ...schema,
        document,
        ...(protobuf === undefined ? {} : { protobuf }),
      };
      return { ...task, config: { ...task.config, schema: embeddedSchema } };
    }),
  };
  const problems = [...validateSpec(embedded), ...paramDefaultProblems(embedded)];
  if (problems.length > 0) throw new PipelineError('DAG_INVALID', { dagId: spec.id, problems });
  return embedded;
}

/** What a run gets that sets nothing must fit, where runs start by themselves; else what is given by default. */
function paramDefaultProblems({ paramsSchema, params, schedule }: DagSpec): string[] {
  if (paramsSchema === undefined) return [];
  const startsByItself = schedule.kind !== 'manual';
  const { required: _given, ...optional } = paramsSchema;
  try {
    return paramProblems(startsByItself ? paramsSchema : optional, params).map(
      (problem) => `params by default: ${problem}`,
    );
  } catch (error) {
    return [
      `the JSON Schema of params cannot be read (${error instanceof Error ? error.message : String(error)})`,
    ];
  }
}

/** Looks functions up by `dagId/taskId`; the lookup throws FUNCTION_MISSING. */
export function functionRegistry(
  definitions: readonly DagDefinition[],
): (dagId: string, taskId: string) => TaskFunctions {
  const byDag = new Map(definitions.map(({ spec, functions }) => [spec.id, functions]));
  return (dagId, taskId) => {
    const found = byDag.get(dagId)?.[taskId];
    if (found === undefined) throw new PipelineError('FUNCTION_MISSING', { dagId, taskId });
    return found;
  };
}
