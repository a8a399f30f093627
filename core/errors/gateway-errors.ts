import type { ErrorDefinition } from './definition.js';

/** The part of the catalogue about requests to the gateway. */
export const gatewayErrors = {
  GATEWAY_REQUEST_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message: 'The request cannot be used: {reason}. Nothing of it was kept; correct it and send it again.',
  },
  GATEWAY_EVENT_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message: 'The event {problem}. It was kept for the quarantine; correct the sender.',
  },
  GATEWAY_EVENT_TOO_LARGE: {
    kind: 'LimitError',
    retryable: false,
    message:
      'The event has {actual} bytes, over segmentEventMaxBytes ({allowed}). It was kept; send smaller events.',
  },
  GATEWAY_WRITE_KEY: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The write key is missing or unknown. Send it as "writeKey" in the body or as the user name of Basic authentication.',
  },
  GATEWAY_SIGNATURE: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The signature of the delivery to "{source}" is refused: {reason}. Sign the bytes as sent, with the current secret.',
  },
  GATEWAY_NO_KEY: {
    kind: 'SecurityError',
    retryable: true,
    message: 'The gateway has no key for {what}, so it takes nothing. Set {setting} and start it again.',
  },
  GATEWAY_NOT_FOUND: {
    kind: 'ContractError',
    retryable: false,
    message: 'There is no {what} here. Correct the address, or add it to the settings of the gateway.',
  },
  GATEWAY_METHOD: {
    kind: 'ContractError',
    retryable: false,
    message: 'This address takes {allowed} only. Send the request with that method.',
  },
  GATEWAY_TIMEOUT: {
    kind: 'LimitError',
    retryable: true,
    message: 'The request was not complete within {allowedMs} ms. Send it again.',
  },
  GATEWAY_LENGTH_REQUIRED: {
    kind: 'ContractError',
    retryable: false,
    message: 'The request has no body length. Send Content-Length, or Transfer-Encoding: chunked.',
  },
  GATEWAY_TOO_LARGE: {
    kind: 'LimitError',
    retryable: false,
    message: '{what} is over {limit} ({allowed}). Nothing of it was kept; send smaller requests.',
  },
  GATEWAY_MEDIA_TYPE: {
    kind: 'ContractError',
    retryable: false,
    message: '{what} is not supported. Send {supported}.',
  },
  GATEWAY_BUSY: {
    kind: 'LimitError',
    retryable: true,
    message: 'Source "{source}" has {allowed} requests in work. Send it again after {retryAfterMs} ms.',
  },
  GATEWAY_UNAVAILABLE: {
    kind: 'LimitError',
    retryable: true,
    message: 'The gateway cannot keep the event now: {reason}. It was not acknowledged; send it again.',
  },
  API_CALLER: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The caller is not let in: {reason}. Send "Authorization: Bearer" with a secret or an identity token of a caller under gateway.api.callers.',
  },
  API_FORBIDDEN: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'Caller "{caller}" may not use {what}. Add it to the "{list}" of the caller under gateway.api.callers.',
  },
  API_RUN_DIFFERS: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Run "{runId}" of DAG "{dagId}" was started with other params or another interval. Nothing was started; use another runId.',
  },
  HOOK_LIMIT: {
    kind: 'LimitError',
    retryable: false,
    message:
      'Caller "{caller}" has {allowed} hooks, and hooksMaxPerCaller allows no more. Remove one: DELETE /api/hooks/<id>, or "millrace hooks remove <id>".',
  },
  HOOK_NOT_FOUND: {
    kind: 'ContractError',
    retryable: false,
    message: 'There is no hook "{id}". "millrace hooks list" and GET /api/hooks show those that are there.',
  },
  PUSH_RECORD: {
    kind: 'ContractError',
    retryable: false,
    message: 'The record is not usable: {problem}. It was kept for the quarantine; correct the sender.',
  },
  PUSH_DIFFERS: {
    kind: 'ContractError',
    retryable: false,
    message:
      'The Idempotency-Key came before with another body for stream "{stream}". Nothing of this one was kept; use a key of its own for each body.',
  },
} as const satisfies Record<string, ErrorDefinition>;
