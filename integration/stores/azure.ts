import { ClientSecretCredential } from '@azure/identity'
import { onTestFinished } from 'vitest'
import { AzureServer } from './azure-server.ts'

/** An Azure until the test ends, and a service principal of it, known to Azure's own library. */
export async function openAzure() {
  const azure = await AzureServer.start()
  onTestFinished(() => azure[Symbol.asyncDispose]())
  const tlsOptions = { ca: azure.ca }
  const credential = (): ClientSecretCredential =>
    new ClientSecretCredential(azure.tenant, azure.clientId, azure.clientSecret, {
      authorityHost: azure.address,
      disableInstanceDiscovery: true,
      tlsOptions,
    })
  return { azure, tlsOptions, credential }
}
