// The jobs of Container Apps: roles and schemas of the database, the first champion, retraining. inside.bicep makes the
// environment that they run in.
@description('Region.')
param location string

@description('The environment: resource id.')
param environmentId string

@description('Host of the MLflow server that the jobs talk to.')
param mlflowHost string

@description('Identity of the containers: resource id.')
param identityId string

@description('Server of the registry.')
param registryServer string

@description('Digest of each image: api, trainer; sha256:….')
param digests object

@description('Address of the vault, with the slash at its end.')
param vaultUri string

@description('Host of the database.')
param databaseHost string

@description('Address of the API, as retraining reaches it.')
param apiUrl string

@description('Cores of a training.')
param trainerCpu string

@description('Memory of a training.')
param trainerMemory string

@description('With jobs for the staging slot.')
param slots bool

@description('Tags.')
param tags object

var registries = [
  {
    server: registryServer
    identity: identityId
  }
]
var secretNames = [
  'database-admin-password'
  'database-api-password'
  'database-mlflow-password'
  'api-database-url'
  'mlflow-trainer-password'
  'key-trainer'
]
var secretNamesOfStaging = slots ? ['api-database-url-staging'] : []
var secrets = [for secret in concat(secretNames, secretNamesOfStaging): {
  name: secret
  keyVaultUrl: '${vaultUri}secrets/${secret}'
  identity: identityId
}]
// Apart from the list: a loop runs over what is known when a deployment starts, and an address is not.
var variables = {
  trainer: [
    {
      name: 'VIGIE_TRAINER_MLFLOW_URI'
      value: 'https://${mlflowHost}/mlflow'
    }
    {
      name: 'VIGIE_TRAINER_MLFLOW_USERNAME'
      value: 'vigie-trainer'
    }
    {
      name: 'VIGIE_TRAINER_MLFLOW_PASSWORD'
      secretRef: 'mlflow-trainer-password'
    }
    {
      name: 'VIGIE_TRAINER_API_URL'
      value: apiUrl
    }
    {
      name: 'VIGIE_TRAINER_API_KEY'
      secretRef: 'key-trainer'
    }
    {
      name: 'MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD'
      value: 'false'
    }
    {
      name: 'MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD'
      value: 'false'
    }
    {
      name: 'MLFLOW_DISABLE_TELEMETRY'
      value: 'true'
    }
  ]
  roles: [
    {
      name: 'VIGIE_ROLES_HOST'
      value: databaseHost
    }
    {
      name: 'VIGIE_ROLES_ADMIN'
      value: 'vigieadmin'
    }
    {
      name: 'VIGIE_ROLES_ADMIN_PASSWORD'
      secretRef: 'database-admin-password'
    }
    {
      name: 'VIGIE_ROLES_API_PASSWORD'
      secretRef: 'database-api-password'
    }
    {
      name: 'VIGIE_ROLES_MLFLOW_PASSWORD'
      secretRef: 'database-mlflow-password'
    }
    {
      name: 'VIGIE_ROLES_STAGING'
      value: slots ? '1' : ''
    }
  ]
  migrate: [
    {
      name: 'VIGIE_API_DATABASE_URL'
      secretRef: 'api-database-url'
    }
    // Not a server: without keys only a loopback address is accepted.
    {
      name: 'VIGIE_API_HOST'
      value: '127.0.0.1'
    }
  ]
  'migrate-staging': [
    {
      name: 'VIGIE_API_DATABASE_URL'
      secretRef: 'api-database-url-staging'
    }
    {
      name: 'VIGIE_API_HOST'
      value: '127.0.0.1'
    }
  ]
}
var jobs = [
  {
    name: 'roles'
    image: 'api'
    command: ['python', '-c', loadTextContent('../database/roles.py')]
    args: []
    timeoutS: 300
    cpu: '0.25'
    memory: '0.5Gi'
    variables: 'roles'
  }
  {
    name: 'migrate'
    image: 'api'
    command: ['vigie-api', 'migrate']
    args: []
    timeoutS: 900
    cpu: '0.25'
    memory: '0.5Gi'
    variables: 'migrate'
  }
  {
    name: 'bootstrap'
    image: 'trainer'
    command: []
    args: ['bootstrap', '--wait', '600']
    timeoutS: 3600
    cpu: trainerCpu
    memory: trainerMemory
    variables: 'trainer'
  }
  {
    name: 'retrain'
    image: 'trainer'
    command: []
    args: ['retrain', '--json', '--reason', 'scheduled retraining']
    timeoutS: 14400
    cpu: trainerCpu
    memory: trainerMemory
    variables: 'trainer'
  }
]
var jobsOfStaging = slots ? [
  {
    name: 'migrate-staging'
    image: 'api'
    command: ['vigie-api', 'migrate']
    args: []
    timeoutS: 900
    cpu: '0.25'
    memory: '0.5Gi'
    variables: 'migrate-staging'
  }
] : []

resource job 'Microsoft.App/jobs@2024-03-01' = [for item in concat(jobs, jobsOfStaging): {
  name: item.name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Manual'
      replicaTimeout: item.timeoutS
      replicaRetryLimit: 0
      manualTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
      }
      registries: registries
      secrets: secrets
    }
    template: {
      containers: [
        {
          name: item.name
          image: '${registryServer}/vigie-${item.image}@${digests[item.image]}'
          command: empty(item.command) ? null : item.command
          args: empty(item.args) ? null : item.args
          resources: {
            cpu: json(item.cpu)
            memory: item.memory
          }
          env: variables[item.variables]
        }
      ]
    }
  }
}]
