import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { closedObject } from '../option-problems.js';

const text = { type: 'string', minLength: 1 };
const name = { type: 'string', pattern: '^[_A-Za-z][_0-9A-Za-z]*$' };
const path = { type: 'string', pattern: '^[^.]+(\\.[^.]+)*$' };
const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

/** Shape of the options of one read; `paginator` and `deleted` have schemas of their own. */
export const endpointSchema = closedObject(
  {
    query: { ...text, maxLength: limits.graphqlQueryMaxLength },
    operationName: name,
    variables: { type: 'object' },
    dataSelector: path,
    path: { type: 'string' },
    paginator: { type: 'object' },
    incremental: closedObject({
      cursorPath: path,
      startVariable: name,
      endVariable: name,
      format: { enum: ['iso', 'epoch_seconds', 'epoch_ms', 'raw'] },
    }),
    deleted: { type: 'object' },
    maximumPages: { type: 'integer', minimum: 1, maximum: limits.sourceMaxPages },
  },
  ['query', 'dataSelector'],
);

/** Shape of each paginator, by its type. */
export const paginatorSchemas: Readonly<Record<string, JsonObject>> = {
  single_page: closedObject({ type: text }),
  relay: closedObject({ type: text, cursorVariable: name, pageInfoPath: path }),
  offset: closedObject(
    {
      type: text,
      limit: { ...count, minimum: 1 },
      offset: count,
      offsetVariable: name,
      limitVariable: name,
      totalPath: path,
      hasMorePath: path,
    },
    ['limit'],
  ),
};
