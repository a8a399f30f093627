import { expect, test } from '@jest/globals';
import { listWarehouses, warehouseModule } from '../../connectors/warehouse-registry.js';

test('a warehouse is a folder', async () => {
  expect(await listWarehouses()).toEqual(['bigquery', 'duckdb', 'snowflake']);
  for (const name of await listWarehouses())
    expect(await warehouseModule(name)).toMatchObject({
      createWarehouse: expect.any(Function),
      connectReader: expect.any(Function),
    });
});

test.each(['oracle', '../duckdb', 'http', 'constructor'])('there is no warehouse "%s"', async (name) => {
  await expect(warehouseModule(name)).rejects.toMatchObject({
    code: 'CONNECTOR_UNKNOWN',
    message: expect.stringContaining('bigquery; duckdb; snowflake'),
  });
});

test.each(['snowflake', 'bigquery'])(
  '%s names everything that its connection lacks, and no value',
  async (name) => {
    const { connectReader } = await warehouseModule(name);
    const connection = {
      connector: name,
      passwort: 'secret-value',
      maximumBytesBilled: 'x',
      maxConnections: 0,
    };
    const error: unknown = await Promise.resolve()
      .then(() => connectReader({ settings: { type: name, path: '' }, connection }))
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).toContain(name === 'snowflake' ? '"account"' : '"project"');
    expect(String(error)).toContain('no option "passwort"');
    expect(String(error)).not.toContain('secret-value');
  },
);
