import type { ErrorDefinition } from './definition.js';

/** Errors of warehouses; part of the catalogue. */
export const warehouseErrors = {
  WAREHOUSE_UNAVAILABLE: {
    kind: 'WarehouseError',
    retryable: true,
    message: 'Warehouse {warehouse} did not answer: {reason}. The task is tried again by itself.',
  },
  WAREHOUSE_LOCKED: {
    kind: 'WarehouseError',
    retryable: true,
    message: 'Warehouse file {file} is open in process {pid}. Stop that process, or send queries through it.',
  },
  WAREHOUSE_CONFLICT: {
    kind: 'WarehouseError',
    retryable: true,
    message: 'A concurrent change of "{table}" won. The load is tried again by itself.',
  },
  WAREHOUSE_STATEMENT: {
    kind: 'WarehouseError',
    retryable: false,
    message: 'The warehouse refused a statement on "{table}": {reason}.',
  },
  WAREHOUSE_AUTH: {
    kind: 'WarehouseError',
    retryable: false,
    message:
      'Warehouse {warehouse} refused: {reason}. Renew the credentials of its connection, or grant what is missing.',
  },
  WAREHOUSE_QUOTA: {
    kind: 'WarehouseError',
    retryable: true,
    message:
      'Warehouse {warehouse} has no room now: {reason}. The task is tried again by itself; raise the quota if it stays.',
  },
  WAREHOUSE_COST: {
    kind: 'WarehouseError',
    retryable: false,
    message:
      'Warehouse {warehouse} refused a statement on "{table}" because of its cost: {reason}. Raise the bound of its connection.',
  },
  STALE_FENCE: {
    kind: 'WarehouseError',
    retryable: false,
    message:
      'Load of "{table}" for {interval} holds fence {fence}, but {current} is current: another attempt took over. This attempt stops.',
  },
  QUERY_REFUSED: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'The query was refused: {reason}. Only one reading statement (SELECT, WITH, DESCRIBE, SHOW, SUMMARIZE) is allowed.',
  },
} as const satisfies Record<string, ErrorDefinition>;
