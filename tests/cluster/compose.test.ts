import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommandContext } from '../../client/context.js';
import { createProgram } from '../../client/program.js';
import type { SettingSchema } from '../../config-schema-parts.js';
import { configSchema } from '../../config-schema.js';
import { listVariables, readCompose, readExample, resolveCompose } from './compose-file.js';
import { readText, root } from '../architecture/source-tree.js';

const compose = readCompose();
const services = Object.entries(compose.services);
const ofMillrace = services.filter(([, { image }]) => image.startsWith('millrace:'));
const example = readExample();

/** Every environment variable of a setting. */
function variablesOf(schema: SettingSchema): string[] {
  return [...(schema['x-env'] ?? []), ...Object.values(schema.properties ?? {}).flatMap(variablesOf)];
}

describe('docker-compose.yml', () => {
  test('follows the compose specification', () => {
    const schema = JSON.parse(readText('tests/cluster/compose-spec/compose-spec.json')) as Record<
      string,
      unknown
    >;
    // Its own dialect by another name, and formats that say nothing about what a value means.
    delete schema['$schema'];
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const validate = ajv.compile(schema);
    expect([validate(compose), validate.errors]).toEqual([true, null]);
    expect(validate({ services: { worker: { imagee: 'x' } } })).toBe(false);
  });

  test('every variable is in .env.example: needed ones to be filled in, others with the default that they have', () => {
    const found = listVariables();
    expect(found.length).toBeGreaterThan(15);
    for (const { name, isNeeded, fallback } of found) {
      if (isNeeded) expect(example.set).toHaveProperty(name);
      else expect([name, example.set[name] ?? example.shown[name]]).toEqual([name, fallback]);
    }
    const named = new Set(found.map(({ name }) => name));
    const further = ['COMPOSE_PROFILES'];
    expect(
      [...Object.keys(example.set), ...Object.keys(example.shown)].filter((name) => !named.has(name)),
    ).toEqual(further);
  });

  test('no password has a default, and nothing starts without one', () => {
    const secrets = listVariables().filter(({ name }) => /PASSWORD|SECRET|KEYS$/.test(name));
    expect(secrets.length).toBeGreaterThan(3);
    expect(secrets.filter(({ name, isNeeded }) => !isNeeded || example.set[name] !== '')).toEqual([]);
    expect(() => resolveCompose(example.set)).toThrow(/is not set/);
  });

  test('what it sets for Millrace are settings', () => {
    const known = variablesOf(configSchema);
    const given = ofMillrace.flatMap(([, { environment }]) => Object.keys(environment));
    const unknown = given.filter((name) => !known.includes(name) && !name.startsWith('AWS_'));
    expect([given.length > 10, unknown]).toEqual([true, []]);
  });

  test('its services run commands that exist', async () => {
    const output = { stdout: () => undefined, stderr: () => undefined };
    const program = await createProgram(new CommandContext({ output, env: {}, cwd: '.' }));
    const names = program.commands.map((command) => command.name());
    expect(ofMillrace.map(([name, { command }]) => [name, names.includes(command?.[0] ?? '')])).toEqual([
      ...[
        ['worker', true],
        ['gateway', true],
        ['deploy', true],
      ],
    ]);
  });

  test('images are pinned', () => {
    const loose = services.filter(([, { image }]) => !/^[\w/.-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/.test(image));
    expect(loose.map(([name]) => name)).toEqual([]);
    const { version } = JSON.parse(readText('package.json')) as { version: string };
    expect(ofMillrace[0]?.[1].image).toBe(`millrace:${version}`);
  });

  test('who is waited for can say that it is ready', () => {
    const waits = services.flatMap(([, { depends_on: on = {} }]) => Object.entries(on));
    for (const [name, { condition }] of waits) {
      expect(compose.services).toHaveProperty(name);
      if (condition === 'service_healthy') expect(compose.services[name]?.healthcheck?.test[0]).toBe('CMD');
    }
    expect(waits.length).toBeGreaterThan(8);
    for (const [name, { healthcheck }] of services)
      for (const part of healthcheck?.test ?? []) expect([name, typeof part]).toEqual([name, 'string']);
  });

  test('no two containers share a data folder, and every volume with a name is declared', () => {
    // The image declares it, so that each container has one, which "docker volume prune" removes when its container is gone.
    expect(readText('Dockerfile')).toMatch(/^VOLUME \/var\/lib\/millrace$/m);
    for (const [name, { volumes = [] }] of ofMillrace) {
      const targets = volumes.map((volume) => (typeof volume === 'string' ? volume : volume.target));
      expect([name, targets.filter((target) => target === '/var/lib/millrace')]).toEqual([name, []]);
    }
    const named = services.flatMap(([, { volumes = [] }]) =>
      volumes.flatMap((volume) =>
        typeof volume === 'string' ? [volume.split(':')[0]] : volume.type === 'volume' ? [volume.source] : [],
      ),
    );
    const used = new Set(named.filter((name) => name !== undefined));
    expect([...used].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test('only the gateway and the Temporal UI have ports, on this machine', () => {
    const open = services.filter(([, service]) => 'ports' in service).map(([name]) => name);
    expect(open).toEqual(['gateway', 'temporal-ui']);
    expect([example.shown['GATEWAY_ADDRESS'], example.shown['TEMPORAL_UI_ADDRESS']]).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:/),
      expect.stringMatching(/^127\.0\.0\.1:/),
    ]);
  });
});

describe('Dockerfile', () => {
  const dockerfile = readText('Dockerfile');

  test('copies what exists and what the builder is sent', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    );
    expect(copied.length).toBeGreaterThan(15);
    const sent = readText('.dockerignore').split('\n');
    for (const source of copied) {
      if (!source.includes('*')) expect([source, existsSync(join(root, source))]).toEqual([source, true]);
      expect(sent).toContain(`!${source}`);
    }
  });

  test('copies every folder that the build compiles', () => {
    const { include } = JSON.parse(readText('tsconfig.build.json')) as { include: string[] };
    expect(
      include.filter((path) => !new RegExp(`^COPY ${path.replace('*', '\\*')} `, 'm').test(dockerfile)),
    ).toEqual([]);
  });

  test('runs as somebody else than root, from a pinned image with the Node.js that the package needs', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:20\.\d+\.\d+-bookworm-slim$/m);
  });
});
