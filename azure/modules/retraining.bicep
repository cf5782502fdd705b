// What an alert starts: a Logic App that asks GitHub to run retrain.yml. An action group cannot do it itself, for GitHub
// wants a token. The workflow still goes through the gate, and a person promotes.
@description('Name of the Logic App.')
param name string

@description('Region.')
param location string

@description('OWNER/REPOSITORY on GitHub.')
param repository string

@description('Vault with the secret github-token: a fine-grained token with Contents: write on that repository alone.')
param vaultName string

@description('Workspace of the logs.')
param workspaceId string

@description('Tags.')
param tags object

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource token 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = {
  parent: vault
  name: 'github-token'
}

// An identity of its own, which reads this one secret and nothing else.
resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    state: 'Enabled'
    definition: loadJsonContent('../workflows/retrain.json')
    parameters: {
      secretUri: {
        value: '${vault.properties.vaultUri}secrets/github-token'
      }
      repository: {
        value: repository
      }
    }
  }
}

resource read 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(token.id, workflow.id, secretsUser)
  scope: token
  properties: {
    principalId: workflow.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
  }
}

resource start 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'retrain'
    enabled: true
    logicAppReceivers: [
      {
        name: 'retrain'
        resourceId: workflow.id
        callbackUrl: listCallbackUrl('${workflow.id}/triggers/alert', '2019-05-01').value
        useCommonAlertSchema: true
      }
    ]
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: workflow
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'WorkflowRuntime'
        enabled: true
      }
    ]
  }
}

output actionGroupId string = start.id
