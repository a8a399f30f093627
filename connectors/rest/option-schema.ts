import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { closedObject } from '../option-problems.js';

const text = { type: 'string', minLength: 1 };
const path = { type: 'string', pattern: '^[^.]+(\\.[^.]+)*$' };
const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const texts = { type: 'object', additionalProperties: { type: 'string' } };

/** Shape of the options of one read; `paginator` and `deleted` have schemas of their own. */
export const endpointSchema = closedObject(
  {
    path: { type: 'string' },
    method: { enum: ['GET', 'POST'] },
    params: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
    headers: texts,
    json: { type: 'object' },
    dataSelector: path,
    paginator: { type: 'object' },
    incremental: closedObject({
      cursorPath: path,
      startParam: text,
      endParam: text,
      format: { enum: ['iso', 'epoch_seconds', 'epoch_ms', 'raw'] },
    }),
    deleted: { type: 'object' },
    maximumPages: { type: 'integer', minimum: 1, maximum: limits.sourceMaxPages },
  },
  ['path'],
);

const type = text;

/** Shape of each paginator, by its type. */
export const paginatorSchemas: Readonly<Record<string, JsonObject>> = {
  single_page: closedObject({ type }),
  header_link: closedObject({ type }),
  json_link: closedObject({ type, nextUrlPath: path }),
  offset: closedObject(
    {
      type,
      limit: { ...count, minimum: 1 },
      offset: count,
      offsetParam: text,
      limitParam: text,
      totalPath: path,
      hasMorePath: path,
    },
    ['limit'],
  ),
  page_number: closedObject({ type, basePage: count, pageParam: text, totalPath: path, hasMorePath: path }),
  cursor: closedObject(
    { type, cursorPath: path, cursorParam: text, cursorBodyPath: path, hasMorePath: path },
    ['cursorPath'],
  ),
};

/** Shape of a connection; `auth` has schemas of its own, by type. */
export const connectionSchema = closedObject(
  {
    connector: text,
    baseUrl: text,
    headers: texts,
    auth: { type: 'object' },
    allowPrivateNetwork: { type: 'boolean' },
    testPath: { type: 'string' },
  },
  ['baseUrl'],
);

/** Shape of each kind of credentials, by its type. */
export const authSchemas: Readonly<Record<string, JsonObject>> = {
  bearer: closedObject({ type, token: text }, ['token']),
  http_basic: closedObject({ type, username: { type: 'string' }, password: { type: 'string' } }, [
    'username',
    'password',
  ]),
  api_key: closedObject({ type, name: text, apiKey: text, location: { enum: ['header', 'query'] } }, [
    'name',
    'apiKey',
  ]),
};
