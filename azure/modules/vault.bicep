// The secrets. Made by scripts/azure_secrets.py, read by the app through references, never by a person.
@description('Name: 3 to 24 characters, unique in the world.')
param name string

@description('Region.')
param location string

@description('Principal that reads secrets.')
param readerPrincipalId string

@description('Workspace of the audit log.')
param workspaceId string

@description('Tags.')
param tags object

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    // A deployment reads the database administrator's password from here.
    enabledForTemplateDeployment: true
    // The secrets are written from a workstation or a GitHub runner; both come from outside.
    publicNetworkAccess: 'Enabled'
  }
}

resource read 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, readerPrincipalId, secretsUser)
  scope: vault
  properties: {
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
