import { Client, Connection } from '@temporalio/client';
import { TestProject, type RunningProcess } from '../helpers/project.js';
import { rowSchema } from './dag-files.js';
import { rerunDags } from './rerun-dags.js';

/** A project of the DAGs that are run again, with its server and a worker, and a client to it; the test closes the client. */
export async function startRerunProject(): Promise<{
  project: TestProject;
  worker: RunningProcess;
  client: Client;
}> {
  const project = await TestProject.create({ 'rerun.ts': rerunDags });
  project.write('schemas/row.v1.schema.json', rowSchema);
  await project.startTemporal();
  await project.json('deploy');
  const worker = await project.startWorker();
  const address = `127.0.0.1:${String(project.temporalPort)}`;
  return { project, worker, client: new Client({ connection: await Connection.connect({ address }) }) };
}
